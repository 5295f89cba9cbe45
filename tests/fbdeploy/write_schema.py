"""Writes the JSON Schemas into docs/results.md: python -m tests.fbdeploy.write_schema"""

from __future__ import annotations

import json
import re
from pathlib import Path

from fbdeploy.check.baseline import Baseline
from fbdeploy.records.manifest import Manifest

DOCS = Path(__file__).parents[2] / "docs/results.md"
BLOCKS = {"json schema": Manifest, "json baseline schema": Baseline}


def main() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for name, model in BLOCKS.items():
        schema = json.dumps(model.model_json_schema(), indent=1)
        block = f"```{name}\n{schema}\n```"
        text, count = re.subn(
            rf"```{name}\n.*?```", lambda _, block=block: block, text, flags=re.DOTALL
        )
        if count != 1:
            raise SystemExit(f"{DOCS}: has {count} blocks of '{name}' where one belongs")
    DOCS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
