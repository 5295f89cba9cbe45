"""Writes the manifest's JSON Schema into docs/results.md: python -m tests.fbdeploy.write_schema"""

from __future__ import annotations

import json
import re
from pathlib import Path

from fbdeploy.manifest import Manifest

DOCS = Path(__file__).parents[2] / "docs/results.md"


def main() -> None:
    schema = json.dumps(Manifest.model_json_schema(), indent=1)
    text = DOCS.read_text(encoding="utf-8")
    block = f"```json schema\n{schema}\n```"
    changed, count = re.subn(r"```json schema\n.*?```", lambda _: block, text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{DOCS}: has {count} schema blocks where one belongs")
    DOCS.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    main()
