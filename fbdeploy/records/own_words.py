"""What an artefact of ours says of itself, for where no manifest does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from pydantic import Field, TypeAdapter, ValidationError

from fbdeploy.records.fields import StoredInputSpec
from zoo.documents import Schema
from zoo.input_spec import InputSpec
from zoo.outputs import TaskName


class OwnWords(Schema):
    """The parts of ``export.description.Description.properties`` that an evaluation needs.
    ``input`` is how an image becomes the file's own input."""

    network: str
    task: TaskName
    labels: tuple[str, ...] = Field(default=())
    input: StoredInputSpec


_LABELS = TypeAdapter(tuple[str, ...])
_INPUT = TypeAdapter(dict[str, object])


def own_words(properties: Mapping[str, str]) -> OwnWords | None:
    """What ``properties``, which anybody may have written, say; None where they are not ours or
    are damaged."""
    try:
        given = _INPUT.validate_json(properties["input"])
        known = {field.name for field in fields(InputSpec)}
        return OwnWords.model_validate(
            {
                "network": properties["network"],
                "task": properties["task"],
                "labels": _LABELS.validate_json(properties["labels"]),
                "input": {name: value for name, value in given.items() if name in known},
            }
        )
    except (KeyError, ValidationError):
        return None
