"""``hosts.jsonl`` beside the logs of jobs: which host or device of a cluster did which of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from zoo.documents import Schema
from zoo.errors import InputError
from zoo.json_lines import append_json_line, json_lines

FILE_NAME = "hosts.jsonl"
ADVICE = "remove it"


class HostJob(Schema):
    """A job that ended well on the host of that name in the plan, whose processor is ``cpu``;
    ``device`` is what it was done with, if that was not the host itself. ``seconds`` are those of
    its process."""

    host: str
    cpu: str
    device: str = ""
    job: str
    seconds: float


@dataclass(frozen=True)
class HostWork:
    """What a host's processors, or one of its devices, did: ``jobs`` in ``seconds``."""

    host: str
    cpu: str
    device: str
    jobs: int
    seconds: float


def append_host_job(logs: Path, done: HostJob) -> None:
    """Keep that a job is done; raises InputError where the folder cannot be written."""
    append_json_line(logs / FILE_NAME, done)


def work_below(folder: Path) -> list[HostWork]:
    """All that was done for an output folder, or for a sweep's; none of what one machine did.

    A report without it is better than none, so what is damaged is left out.
    """
    return work_of(one for path in sorted(folder.rglob(FILE_NAME)) for one in _jobs(path))


def work_of(jobs: Iterable[HostJob]) -> list[HostWork]:
    """A line a host and device, the host before its devices."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for one in jobs:
        found.setdefault((one.host, one.device, one.cpu), []).append(one.seconds)
    return [
        HostWork(host, cpu, device, len(seconds), sum(seconds))
        for (host, device, cpu), seconds in sorted(found.items())
    ]


def _jobs(path: Path) -> list[HostJob]:
    found = []
    try:
        for line in json_lines(path, ADVICE):
            found.append(HostJob.model_validate_json(line.text))
    except (InputError, ValidationError):
        return []
    return found
