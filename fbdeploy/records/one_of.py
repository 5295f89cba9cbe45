"""A string that is one of a table's names, in documents that pydantic reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import GetCoreSchemaHandler


@dataclass(frozen=True)
class OneOf:
    """``Annotated[str, OneOf(names)]`` is read as ``Literal[*names]`` would be.

    A type checker takes no names for ``Literal`` from a table.
    """

    names: tuple[str, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """How pydantic checks it."""
        return handler.generate_schema(cast(Any, Literal)[self.names])
