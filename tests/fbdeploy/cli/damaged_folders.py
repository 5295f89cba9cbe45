"""What is wrong in the current folder before a faulty command line is tried there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.fuzz.table import READERS

CASES = Path(__file__).parents[3].parent / "shared/cases"


def damage(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Changes the JSON document ``name`` of the case's folder."""

    def prepare(here: Path) -> None:
        document = json.loads((here / name).read_text())
        change(document)
        (here / name).write_text(json.dumps(document))

    return prepare


def results_of_bytes(here: Path) -> None:
    (here / "OUT/results.jsonl").write_bytes(b"\xff\xfe\n")


def results_folder(here: Path) -> None:
    (here / "OUT/results.jsonl").unlink()
    (here / "OUT/results.jsonl").mkdir()


def flipped_predictions(here: Path) -> None:
    for path in (here / "OUT/predictions").glob("*.npz"):
        content = path.read_bytes()
        path.write_bytes(
            content[:80] + bytes(byte ^ 0x55 for byte in content[80:120]) + content[120:]
        )


def infinite_manifest(here: Path) -> None:
    text = (here / "OUT/manifest.json").read_text()
    infinite = re.sub(r'"seconds": [0-9.]+', '"seconds": 1e999', text, count=1)
    assert infinite != text
    (here / "OUT/manifest.json").write_text(infinite)


def infinite_result(here: Path) -> None:
    text = (here / "OUT/results.jsonl").read_text()
    (here / "OUT/results.jsonl").write_text(text.replace('"p50":', '"p50":Infinity,"x":', 1))


def nested_deeply(here: Path) -> None:
    (here / "x.json").write_text("[" * 100_000)


def manifest_nested_deeply(here: Path) -> None:
    nested_deeply(here)
    shutil.copy(here / "x.json", here / "OUT/manifest.json")


def bundle(here: Path) -> None:
    bundle = here / "b/d1/d2/d3/d4"
    bundle.mkdir(parents=True)
    case = CASES / "faults/04-bundle-path-traversal/model_config.json"
    document = json.loads(case.read_text())
    # The case is of version 1, which is refused for its version alone.
    document |= {"schema_version": 2, "task": "classification"}
    for model in document["models"]:
        output = model.pop("output")
        model["outputs"] = [output | {"name": "logits", "stored": output["name"]}]
    (bundle / "model_config.json").write_text(json.dumps(document))
    (bundle / "golden.json").write_text("{}")


def bundle_without_labels(here: Path) -> None:
    next(reader for reader in READERS if "labels" in reader.name).valid(here)
    (here / "bundle/labels.txt").unlink()


def bundle_with_a_folder(here: Path) -> None:
    bundle_without_labels(here)
    (here / "bundle/labels.txt").mkdir()


def bundle_with_bytes(here: Path) -> None:
    bundle_without_labels(here)
    (here / "bundle/labels.txt").write_bytes(b"\xff\n\xfe\n")


def with_input_spec(**values: object) -> Callable[[Path], None]:
    return damage("OUT/manifest.json", lambda document: document["input_spec"].update(values))


def with_links(here: Path) -> None:
    (here / "link").symlink_to("base.json")
    (here / "folder-link").symlink_to("d")


def nothing(here: Path) -> None:
    pass
