"""A string that is one of a table's names, in documents that pydantic reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class OneOf:
    """``Annotated[str, OneOf(names)]`` is read as ``Literal[*names]`` would be, which takes no
    names from a table."""

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """How pydantic checks it."""
        return core_schema.literal_schema(list(self.names))
