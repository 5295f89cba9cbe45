"""What hosts do in these benchmarks: nothing, beside the files that it takes."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from fbdeploy.pipeline.workers.jobs import Job, Reporter
from zoo.documents import Schema


class Data(Schema):
    """A folder that the job reads."""

    data: str
    identities: dict[str, str] = Field(default_factory=dict)


class Asked(Schema):
    """``folder`` is the output folder."""

    folder: Path
    request: Data | None = None


def nothing(report: Reporter, asked: Asked) -> None:
    """End at once."""


class Deaf:
    """A listener that hears nothing."""

    def started(self, job: Job) -> None:
        """A worker begins with ``job``."""

    def event(self, job: Job, event: object) -> None:
        """A worker says something."""


def job(folder: Path, name: str, data: Path | None = None) -> Job:
    """The job of doing nothing, with the files of ``data``."""
    request = None if data is None else Data(data=str(data))
    asked = Asked(folder=folder, request=request)
    return Job.calling(nothing, asked, name=name, title=name, memory=10**8)
