"""The result files of these benchmarks."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from zoo.files import atomic_file

PACKAGES = ("torch", "torchao", "executorch", "onnxruntime", "ai-edge-litert", "litert-torch")


def versions() -> dict[str, str]:
    """What the figures depend on."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results that are already there."""
    if not path.exists():
        return []
    lines: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return lines


def write(path: Path, document: dict[str, Any]) -> None:
    """Replace a JSON file."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
