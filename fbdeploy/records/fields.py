"""Types of fields that several documents have, with what their values may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue

from zoo.files import inner_name
from zoo.input_spec import InputSpec

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
InnerPath = Annotated[str, AfterValidator(inner_name)]
"""A file's name relative to its document's folder, which it does not leave."""


def all_there(kind: type, value: Any) -> Any:
    """A document's ``value`` of a dataclass, if it has all its fields: their defaults are for who
    makes one, and a document that lacks one is damaged.

    Raises:
        ValueError: it lacks one.
    """
    if isinstance(value, Mapping):
        missing = [field.name for field in fields(kind) if field.name not in value]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
    return value


class AllRequired:
    """Says in the JSON Schema what ``all_there`` checks."""

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        properties = handler.resolve_ref_schema(found)
        properties["required"] = list(properties["properties"])
        return found


StoredInputSpec = Annotated[
    InputSpec, BeforeValidator(partial(all_there, InputSpec)), AllRequired()
]
"""A network's input as documents have it."""
