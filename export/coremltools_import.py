"""coremltools without what else it looks for, and without its warnings on systems but macOS."""

from __future__ import annotations

import logging
import sys
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


def import_coremltools(module: str = "coremltools") -> ModuleType:
    """Import coremltools, or a module of it, as if nothing else that it can convert were installed.

    Raises:
        InputError: it is not installed; the line says how to install it.
    """
    # It warns at import of every native library that only macOS has.
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    hidden = [name for name in _OTHER_SOURCES if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        return require(module, "coreml")
    finally:
        for name in hidden:
            del sys.modules[name]
