"""The scores of every artefact that ``fbdeploy deploy`` made, as a table of numbers.

    python -m benchmarks.detection.rows OUT --output benchmarks/detection/default.json

Reads the manifest and the results of OUT; measures nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.emulated.files import write
from benchmarks.scenes import figures
from fbdeploy.records.manifest import read_manifest
from fbdeploy.records.results import EvaluationLine, read_lines


def rows(folder: Path) -> list[dict[str, Any]]:
    """An artefact each, in the order in which they were scored: every metric, its difference from
    float and that one's 95 % interval."""
    lines = (line for line in read_lines(folder) if isinstance(line, EvaluationLine))
    return [
        {
            "format": line.format,
            "precision": line.precision,
            "program": line.program,
            "variant": line.variant,
            "images": line.images,
            "scores": figures(line.scores),
        }
        for line in lines
    ]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what deploy wrote")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    manifest = read_manifest(given.folder)
    recipes = sorted({entry.recipe.name for entry in manifest.quantizations.values()})
    write(
        given.output,
        {
            "network": manifest.network.name,
            "version": manifest.fbdeploy_version,
            "recipes": recipes,
            "rows": rows(given.folder),
        },
    )


if __name__ == "__main__":
    main()
