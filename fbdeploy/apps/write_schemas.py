"""Writes the JSON Schemas of what Python and the apps exchange.

``python -m fbdeploy.apps.write_schemas`` writes ``schemas/*.schema.json`` from the classes. A test
holds them equal, for whoever writes another app.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from fbdeploy.apps.results import AppResults
from fbdeploy.records.bundle_schema import Golden, ModelConfig
from zoo.files import atomic_file


def write_schemas(folder: Path) -> None:
    """Write the JSON Schemas (draft 2020-12) of the contract's three documents."""
    documents: dict[str, type[BaseModel]] = {
        "model_config": ModelConfig,
        "golden": Golden,
        "app_results": AppResults,
    }
    for name, document in documents.items():
        text = json.dumps(document.model_json_schema(), indent=1) + "\n"
        with atomic_file(folder / f"{name}.schema.json") as temporary:
            temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(__file__).parent / "schemas")
