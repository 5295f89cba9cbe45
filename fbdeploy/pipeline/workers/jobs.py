"""Jobs that run in worker processes, and what a worker says about them, one JSON line each."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Annotated, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from zoo.documents import Schema

Model = TypeVar("Model", bound=BaseModel)


Asked = TypeVar("Asked", bound=Schema)


class Reporter(Protocol):
    """How a job says what it is doing and hands over what it has finished."""

    def progress(self, step: str, done: float) -> None:
        """``done`` of ``step``, in 0..1."""

    def note(self, text: str) -> None:
        """Tell the user one line."""

    def result(self, value: BaseModel) -> None:
        """Hand over something finished; it is kept even if the job fails afterwards."""


Work = Callable[[Reporter, Asked], None]
"""A function that a worker runs; what it is asked is its second parameter."""


class Job(Schema):
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

    @classmethod
    def calling(
        cls,
        function: Work[Asked],
        asked: Asked,
        *,
        name: str,
        title: str,
        memory: int,
        exclusive: bool = False,
        vital: bool = False,
        timed: bool = False,
        device: str = "",
    ) -> Self:
        """The job of calling ``function``, which a module holds by its own name, with ``asked``.

        The worker reads ``asked`` back as what the function's second parameter is annotated with.
        """
        return cls(
            name=name,
            title=title,
            function=f"{function.__module__}:{function.__qualname__}",
            arguments=asked.model_dump(mode="json"),
            memory=memory,
            exclusive=exclusive,
            vital=vital,
            timed=timed,
            device=device,
        )


class Progress(Schema):
    """``done`` of ``step``, in 0..1."""

    type: Literal["progress"] = "progress"
    step: str
    done: float


class Note(Schema):
    """One line for the user."""

    type: Literal["note"] = "note"
    text: str


class Result(Schema):
    """Something that is finished and must not be lost, even if the job fails later.

    ``kind`` is the name of its class.
    """

    type: Literal["result"] = "result"
    kind: str
    value: dict[str, JsonValue]

    @classmethod
    def of(cls, value: BaseModel) -> Self:
        """The message that hands over ``value``."""
        return cls(kind=type(value).__name__, value=value.model_dump(mode="json"))

    def read(self, schema: builtins.type[Model]) -> Model | None:
        """What was handed over, if it is of that class."""
        return schema.model_validate(self.value) if self.kind == schema.__name__ else None


class Ended(Schema):
    """The job ended well; ``peak_bytes`` is its peak of resident memory, None if unknown."""

    type: Literal["ended"] = "ended"
    peak_bytes: int | None


class Failed(Schema):
    """The job ended badly.

    ``cause``: ``input`` is an InputError, ``disk`` one about the output folder, ``crash`` all else.
    """

    type: Literal["failed"] = "failed"
    cause: Literal["input", "disk", "crash"]
    message: str


Event = Progress | Note | Result | Ended | Failed
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
