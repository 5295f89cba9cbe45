"""Types of fields that several documents have, with what their values may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from zoo.files import inner_name
from zoo.input_spec import InputSpec

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
InnerPath = Annotated[str, AfterValidator(inner_name)]
"""A file's name relative to its document's folder, which it does not leave."""


class Whole:
    """Every field of a stored dataclass is there: its defaults are for who makes one, and a
    document that lacks one is damaged."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        names = [field.name for field in fields(source)]

        def check(value: Any) -> Any:
            if isinstance(value, Mapping):
                missing = [name for name in names if name not in value]
                if missing:
                    raise ValueError(f"{missing[0]} is missing")
            return value

        return core_schema.no_info_before_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        properties = handler.resolve_ref_schema(found)
        properties["required"] = list(properties["properties"])
        return found


StoredInputSpec = Annotated[InputSpec, Whole()]
"""A network's input as documents have it."""
