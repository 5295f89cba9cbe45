"""A result file that grows: what was found so far, and what it depends on."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

from runtime_bench.machine.device import describe
from zoo.files import atomic_file

PACKAGES = ("torch", "executorch", "onnxruntime", "ai-edge-litert")


class Document:
    """``results`` of a JSON file, written again with each one."""

    def __init__(self, path: Path, command: str) -> None:
        self._path = path
        device = describe()
        self._header = {
            "command": command,
            "machine": device.model_dump(include={"cpu", "cores", "virtualized"}),
            "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        }
        self.results: list[dict[str, Any]] = []
        if path.exists():
            self.results = json.loads(path.read_text(encoding="utf-8"))["results"]

    def count(self, **keys: object) -> int:
        """How many results have these keys."""
        return sum(all(one.get(k) == v for k, v in keys.items()) for one in self.results)

    def add(self, **result: object) -> None:
        """Add a result with the load of the machine, and write the file."""
        self.results.append({**result, "load_average": round(os.getloadavg()[0], 2)})
        with atomic_file(self._path) as partial:
            document = {**self._header, "results": self.results}
            partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
