"""What two runs of one command have made alike: everything but times."""

from __future__ import annotations

import json
from pathlib import Path

DIFFERENT = {"time", "seconds", "created", "updated", "session", "environment", "machine"}
"""Keys of documents that no two runs share."""
TIMED = {"manifest.json", "results.jsonl", "report.html", "README.md"}
"""Documents of a deployment or a sweep that tell times."""
UNLIKE = {"logs", ".lock"}
"""What is about one run, or one machine."""


def same(document: object) -> object:
    """Without what differs from run to run."""
    if isinstance(document, dict):
        return {key: same(one) for key, one in document.items() if key not in DIFFERENT}
    if isinstance(document, list):
        return [same(one) for one in document]
    return document


def manifest(folder: Path) -> object:
    """That of a deployment."""
    return same(json.loads((folder / "manifest.json").read_text()))


def evaluations(folder: Path) -> list[str]:
    """Those in results.jsonl, as JSON, in an order of their own: formats are scored at once."""
    texts = (folder / "results.jsonl").read_text().splitlines()
    found = [one for one in map(json.loads, texts) if one["type"] == "evaluation"]
    return sorted(json.dumps(same(one), sort_keys=True) for one in found)


def outputs(folder: Path) -> list[str]:
    """The files that are byte-equal: artefacts, graphs, programs, answers, bundles."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in TIMED and not UNLIKE & set(path.parts)
    )
