"""Stdout is for the result alone; everything else goes to stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from fbdeploy.report.lines import Width, width_of, wrapped


class Result:
    """What a command shows on the real stdout when it ends, even if it fails afterwards."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self.has_document = False

    def text(self, text: str) -> None:
        """Lines for a person, broken between words where a terminal shows them."""
        self._written.append(wrapped(text, Width.columns))

    def json(self, document: BaseModel | Mapping[str, Any]) -> None:
        """One JSON document, in ASCII, so that no stream's encoding changes it."""
        self._written.append(as_json(document))
        self.has_document = True

    def print(self) -> None:
        """Everything so far, to stdout."""
        for text in self._written:
            print(text)
        sys.stdout.flush()


last = Result()
"""That of the last command, so that an error afterwards is not a second document."""


@contextmanager
def only_result_on_stdout() -> Iterator[Result]:
    """Send whatever libraries print to stderr, and yield what prints on the real stdout.

    Native libraries write to the descriptor, so that is what changes hands.
    """
    global last
    last = result = Result()
    sys.stdout.flush()
    Width.columns = width_of(sys.stdout)
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        yield result
    finally:
        sys.stdout.flush()
        os.dup2(real, 1)
        os.close(real)
        Width.columns = None
        result.print()


def as_json(document: BaseModel | Mapping[str, Any]) -> str:
    """A document as JSON has it: numbers that are not finite are null (RFC 8259 has none)."""
    plain = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    return json.dumps(_finite(plain), indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
