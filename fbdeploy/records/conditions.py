"""Under which conditions artefacts were timed. Only times under the same ones may be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from fbdeploy.records.manifest import Manifest
from fbdeploy.records.results import Line
from runtime_bench.measurement import Device, Kind, Measurement

APP = "app://"


class Timed(Protocol):
    """What was timed, as a line of results or a baseline tells it."""

    @property
    def kind(self) -> Kind:
        """Measured, emulated or estimated."""

    @property
    def target(self) -> str:
        """Where."""

    @property
    def device(self) -> Device:
        """What was there."""

    @property
    def threads(self) -> int:
        """Of the runtime."""

    @property
    def cpu_mask(self) -> tuple[int, ...] | None:
        """The cores it was bound to."""


@dataclass(frozen=True)
class Conditions:
    """``place`` is the target; of an app the phone, since each artefact has a backend of its own
    there. ``device`` holds what makes it one device, ``name`` what to call it, with the cluster's
    host that timed it last: the same processor is one device on every host."""

    kind: Kind
    place: str
    device: tuple[object, ...]
    name: str = field(compare=False)
    threads: int
    cpu_mask: tuple[int, ...] | None

    @classmethod
    def of(cls, line: Timed) -> Conditions:
        """Those of a line."""
        return cls(
            kind=line.kind,
            place=place_of(line.target),
            device=line.device.identity,
            name=line.machine if isinstance(line, Measurement) else line.device.title,
            threads=line.threads,
            cpu_mask=line.cpu_mask,
        )


def place_of(target: str) -> str:
    """A target without what an app ran the artefact with."""
    return target.rpartition("/")[0] if target.startswith(APP) else target


def conditions_in(manifest: Manifest, lines: Iterable[Line]) -> list[Conditions]:
    """All under which artefacts of a deployment have times, those to go by first: measured, then
    of the most artefacts, then the latest."""
    timed: dict[Conditions, set[str]] = {}
    known = {entry.sha256 for entry in manifest.artefacts}
    for line in lines:
        if isinstance(line, Measurement) and line.latency_ms and line.sha256 in known:
            found = Conditions.of(line)
            timed[found] = timed.pop(found, set()) | {line.sha256}
    latest_first = reversed(list(timed))
    return sorted(latest_first, key=lambda one: (one.kind != "measured", -len(timed[one])))


def latencies_under(conditions: Conditions, lines: Iterable[Line]) -> dict[str, Measurement]:
    """The newest time of each artefact by its SHA-256; in an app, which chooses what runs it, that
    of the fastest choice."""
    newest = {
        (line.sha256, line.target): line
        for line in lines
        if isinstance(line, Measurement) and line.latency_ms and Conditions.of(line) == conditions
    }
    slowest_first = sorted(newest.values(), key=_median, reverse=True)
    return {line.sha256: line for line in slowest_first}


def _median(line: Measurement) -> float:
    assert line.latency_ms is not None
    return line.latency_ms.p50
