"""Compressed arrays: what an artefact answered, and kept logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.fuzz.reader import Reader
from fbdeploy.records.predictions import Predictions, read_predictions, write_predictions
from runtime_bench.accuracy import Evaluation, load_logits, save_logits

NAMES = ("a.png", "b.png", "ä.png")


def _predictions(folder: Path) -> list[bytes]:
    classes = np.array([0, 1, 2], np.int32)
    path = write_predictions(folder, "key", Predictions("0" * 64, NAMES, classes, classes, classes))
    return [(folder / path).read_bytes()]


def _logits(folder: Path) -> list[bytes]:
    path = folder / "valid.npz"
    save_logits(Evaluation(np.ones((3, 4), np.float32), np.array([0, -1, 2]), NAMES), path)
    return [path.read_bytes()]


READERS = (
    Reader("predictions/*.npz", _predictions, "x.npz", read_predictions),
    Reader("kept logits", _logits, "x.npz", load_logits),
)
