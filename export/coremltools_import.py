"""coremltools without what else it looks for, and without its warnings on systems but macOS."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from export.packages import require

# It imports each of them only to know whether networks of their kind may come: 2 to 6 seconds.
_OTHER_SOURCES = (
    "executorch",
    "sklearn",
    "tensorflow",
    "torchao",
    "torchaudio",
    "torchvision",
    "transformers",
    "xgboost",
)


@contextmanager
def without_other_sources() -> Iterator[None]:
    """Let coremltools be imported as if nothing else that it can convert were installed."""
    # It warns at import of every native library that only macOS has.
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    hidden = [name for name in _OTHER_SOURCES if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def import_coremltools(module: str = "coremltools") -> ModuleType:
    """Import coremltools, or a module of it, and nothing else that it only looks for.

    Raises:
        InputError: it is not installed; the line says how to install it.
    """
    with without_other_sources():
        return require(module, "coreml")
