"""What goes over the wire: a job with its files there, its events with their files back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from fbdeploy.pipeline.workers.jobs import Event, Job
from zoo.documents import Schema


class FileEntry(Schema):
    """A file by its content. ``path`` is relative to the folder it belongs to, ``size`` bytes."""

    path: str
    sha256: str
    size: int


class Input(Schema):
    """Something outside the output folder that a job reads: a file, or a folder with its files.

    ``given`` is how the client's user names it, ``name`` the entry in ``files`` that stands for it,
    or of a folder the folder's own; ``listing`` is the content that lists the files of a folder of
    images, which may be many, instead of ``files``; ``identity`` is that of such a folder.
    ``programs`` are files of the folder that must stay executable, by their names in it.
    """

    given: str
    name: str
    files: tuple[FileEntry, ...] = ()
    listing: FileEntry | None = None
    identity: str = ""
    programs: tuple[str, ...] = ()


class Parcel(Schema):
    """A job with all it reads. ``folder`` is the client's output folder, as the job names it."""

    job: Job
    threads: int
    folder: str
    files: tuple[FileEntry, ...]
    inputs: tuple[Input, ...]


class Said(Schema):
    """Base of what a host says of one attempt at a job; ``number`` counts from 0 without gaps."""

    job: str
    attempt: str
    number: int


class Began(Said):
    """A host has taken the job, whose processor is ``cpu``. ``worker`` is the address of the Dask
    worker to send files to."""

    type: Literal["began"] = "began"
    host: str
    cpu: str
    worker: str


class Needs(Said):
    """The host lacks these contents."""

    type: Literal["needs"] = "needs"
    sha256: tuple[str, ...]


class Running(Said):
    """All files are there and the job's process runs."""

    type: Literal["running"] = "running"


class Happened(Said):
    """An event of the job, with the files of the output folder that it has changed so far."""

    type: Literal["happened"] = "happened"
    event: Event
    files: tuple[FileEntry, ...] = ()
    removed: tuple[str, ...] = ()
    log: FileEntry | None = None


class Stopped(Said):
    """The job was taken back, and nothing of it runs any more."""

    type: Literal["stopped"] = "stopped"


Message = Began | Needs | Running | Happened | Stopped
MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])
LISTING: TypeAdapter[tuple[FileEntry, ...]] = TypeAdapter(tuple[FileEntry, ...])
