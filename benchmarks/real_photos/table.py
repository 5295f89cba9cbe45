"""Keeps what matters of a deployment: accuracy, and how far the int8 artefacts agree pairwise.

python -m benchmarks.real_photos.table OUT TARGET.json
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fbdeploy.records.manifest import read_manifest
from fbdeploy.records.predictions import read_predictions
from fbdeploy.records.results import Comparison, EvaluationLine, read_lines


def main(output: Path, target: Path) -> None:
    """Write the accuracy rows, pairwise agreement and versions of ``output`` to ``target``."""
    manifest = read_manifest(output)
    current = {entry.sha256 for entry in manifest.artefacts}
    lines = [
        line
        for line in read_lines(output)
        if isinstance(line, EvaluationLine) and line.sha256 in current
    ]
    rows = []
    for line in lines:
        other = line.comparison
        rows.append(
            {
                "format": line.format,
                "precision": line.precision,
                "variant": line.variant,
                "images": line.images,
                "top1": line.top1,
                **({} if other is None else _compared(other)),
            }
        )
        if other is not None:
            print(
                f"{line.format:12} {line.precision:8} {line.variant:5} top-1 {line.top1:.4f} "
                f"agreement {other.agreement:.4f} p {other.mcnemar_p:.3f}"
            )
    pairs = _pairwise(output, [line for line in lines if line.precision == "int8"])
    print(f"int8 artefacts agree pairwise on {min(pairs.values()):.4f} or more")
    quantizations = {
        name: one.model_dump(mode="json") for name, one in manifest.quantizations.items()
    }
    for one in quantizations.values():
        one["calibration"]["name"] = Path(one["calibration"]["name"]).name
    kept = {
        "network": manifest.network.model_dump(mode="json"),
        "quantizations": quantizations,
        "environment": manifest.environment.model_dump(mode="json"),
        "results": rows,
        "pairwise_int8_agreement": pairs,
    }
    target.write_text(json.dumps(kept, indent=1) + "\n")


def _compared(comparison: Comparison) -> dict[str, Any]:
    """A comparison's keys beside the artefact's own; its ``top1`` is the float network's."""
    found = comparison.model_dump(mode="json", exclude={"reference"})
    return {"float_top1": found.pop("top1"), **found}


def _pairwise(output: Path, lines: list[EvaluationLine]) -> dict[str, float]:
    """Share of images that both of two artefacts put into the same class."""
    answers = {
        f"{line.format} {line.variant}".strip(): _classes(output / line.predictions)
        for line in lines
        if line.predictions is not None
    }
    return {
        f"{one}, {other}": float((answers[one] == answers[other]).mean())
        for one, other in itertools.combinations(answers, 2)
    }


def _classes(path: Path) -> NDArray[np.int64]:
    """The first class of every image."""
    return np.array([ranking.classes[0] for ranking in read_predictions(path).predictions])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
