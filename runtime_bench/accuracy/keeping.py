"""Answers in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from runtime_bench.accuracy.evaluation import Evaluation
from tasks.table import TASKS
from zoo.arrays import read_arrays
from zoo.errors import InputError, said
from zoo.files import atomic_file


def save_answers(evaluation: Evaluation, path: Path) -> None:
    """Keep an evaluation as a compressed ``.npz``: the task, the names, the packed predictions, the
    outputs, if there are any, and the targets, if they are classes.

    Raises:
        InputError: the file cannot be written.
    """
    packed = evaluation.task.pack(evaluation.predictions)
    outputs = evaluation.outputs or {}
    classes = [target for target in evaluation.targets if isinstance(target, int)]
    arrays: dict[str, Any] = {f"prediction.{name}": array for name, array in packed.items()}
    arrays |= {f"output.{name}": array for name, array in outputs.items()}
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            task=np.array(evaluation.task.name),
            names=np.array(evaluation.names),
            outputs=np.array(list(outputs), np.str_),
            targets=np.array(classes, np.int64),
            **arrays,
        )


def load_answers(path: Path) -> Evaluation:
    """Read what ``save_answers`` wrote; nothing pickled is read.

    Raises:
        InputError: missing, truncated or another kind of file.
    """
    advice = "evaluate again"
    stored = read_arrays(path, (), "kept answers", advice, others=True)
    try:
        task = TASKS[str(stored["task"])]  # type: ignore[index]
        names = tuple(str(name) for name in stored["names"])
        packed = {
            key.removeprefix("prediction."): array
            for key, array in stored.items()
            if key.startswith("prediction.")
        }
        predictions = task.unpack(packed)
        outputs = {str(name): stored[f"output.{name}"] for name in stored["outputs"].tolist()}
        targets = stored["targets"]
        sizes = {len(predictions), *map(len, outputs.values()), targets.size or len(names)}
        if sizes != {len(names)} or targets.dtype != np.int64 or targets.ndim != 1:
            raise ValueError("its arrays differ in length")
        if any(value.dtype != np.float32 for value in outputs.values()):
            raise ValueError("its outputs are not float32")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: holds no kept answers ({said(error)}); {advice}") from error
    return Evaluation(task, predictions, targets.tolist(), names, outputs or None)
