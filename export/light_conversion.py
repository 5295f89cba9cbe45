"""coremltools' passes without a look at the whole program behind each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from export.coremltools_import import import_coremltools


@contextmanager
def light_conversion() -> Iterator[None]:
    """Check a MIL program before it is written and where dead code has gone, not behind every pass.

    coremltools 9.0 walks through all operations behind each of some 100 passes; converting
    mobilenetv3_large_100 to int8 takes 11 s of processor time instead of 15.
    """
    program: Any = import_coremltools("coremltools.converters.mil.mil.program").Program
    validate = program.validate

    def seldom(self: Any, check_essential_scope: bool | None = False) -> None:
        if check_essential_scope:
            validate(self, check_essential_scope)

    program.validate = seldom
    try:
        yield
    finally:
        program.validate = validate
