"""Compressed arrays: what an artefact answered, and kept answers of the float network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.fuzz.reader import Reader
from fbdeploy.records.predictions import read_predictions, write_predictions
from runtime_bench.accuracy import Evaluation, load_answers, save_answers
from tests.fbdeploy.check.outputs import predictions

NAMES = ("a.png", "b.png", "ä.png")


def _predictions(folder: Path) -> list[bytes]:
    classes = np.array([0, 1, 2], np.int32)
    path = write_predictions(folder, "key", predictions("0" * 64, NAMES, classes, classes, classes))
    return [(folder / path).read_bytes()]


def _answers(folder: Path) -> list[bytes]:
    path = folder / "valid.npz"
    logits, labels = np.ones((3, 4), np.float32), np.array([0, -1, 2])
    save_answers(Evaluation.of_logits(logits, labels, NAMES), path)
    return [path.read_bytes()]


READERS = (
    Reader("predictions/*.npz", _predictions, "x.npz", read_predictions),
    Reader("kept answers", _answers, "x.npz", load_answers),
)
