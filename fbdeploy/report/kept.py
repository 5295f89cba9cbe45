"""The kept answers of the int8 artefact that a report tells of, and pictures as a page has them."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.records.manifest import Artefact, Manifest
from fbdeploy.records.predictions import Predictions, read_predictions
from fbdeploy.records.results import EvaluationLine, Line
from zoo.errors import InputError
from zoo.files import exists, inside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def kept_answers(
    folder: Path, manifest: Manifest, lines: Sequence[Line], preferred: str | None = None
) -> tuple[Artefact, Predictions] | None:
    """Those of the int8 artefact whose path is ``preferred``, else of the first that has any; None
    where there are none."""
    newest = {line.sha256: line for line in lines if isinstance(line, EvaluationLine)}
    for entry in sorted(manifest.artefacts, key=lambda entry: entry.path != preferred):
        line = newest.get(entry.sha256)
        if entry.precision != "int8" or entry.rejected or line is None or line.predictions is None:
            continue
        path = inside(folder, line.predictions)
        try:
            if exists(path):
                return entry, read_predictions(path)
        except InputError:  # the next evaluation makes it again
            continue
    return None


def picture_address(pixels: NDArray[np.uint8]) -> str:
    """Pixels uint8 (h, w, 3) as a PNG in a ``data:`` address."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def label_of(labels: Sequence[str], index: int) -> str:
    """A class's name, or its number where it has none."""
    return labels[index] if index < len(labels) else f"class {index}"
