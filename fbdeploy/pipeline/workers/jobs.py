"""Jobs that run in worker processes, and what a worker says about them, one JSON line each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter


class Message(BaseModel):
    """Base of everything that crosses a process boundary."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(Message):
    """One call of ``function`` (``module:name``) in a process of its own.

    ``memory`` is the expected peak of resident bytes; an ``exclusive`` job runs alone, with all
    threads; if a ``vital`` job fails, the others are ended. Threads that wait for others sleep on a
    busy machine, which spinning slows tenfold; a ``timed`` job's environment is left as it is.
    ``device`` names a device elsewhere that the job waits for: each has one job at a time, and they
    do not count among those that share this machine's cores.
    """

    name: str
    title: str
    function: str
    arguments: dict[str, JsonValue]
    memory: int
    exclusive: bool = False
    vital: bool = False
    timed: bool = False
    device: str = ""


class Progress(Message):
    """``done`` of ``step``, in 0..1."""

    type: Literal["progress"] = "progress"
    step: str
    done: float


class Note(Message):
    """One line for the user."""

    type: Literal["note"] = "note"
    text: str


class Result(Message):
    """Something that is finished and must not be lost, even if the job fails later."""

    type: Literal["result"] = "result"
    kind: str
    value: dict[str, JsonValue]


class Ended(Message):
    """The job ended well; ``peak_bytes`` is its peak of resident memory, None if unknown."""

    type: Literal["ended"] = "ended"
    peak_bytes: int | None


class Failed(Message):
    """The job ended badly.

    ``cause``: ``input`` is an InputError, ``disk`` one about the output folder, ``crash`` all else.
    """

    type: Literal["failed"] = "failed"
    cause: Literal["input", "disk", "crash"]
    message: str


Event = Progress | Note | Result | Ended | Failed
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
