"""Answers in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from runtime_bench.accuracy.evaluation import Evaluation
from tasks.table import TASKS
from zoo.arrays import arrays_below, read_arrays
from zoo.datasets.class_map import ClassMap, pack_maps, unpack_maps
from zoo.errors import InputError, said
from zoo.files import atomic_file


def save_answers(evaluation: Evaluation, path: Path) -> None:
    """Keep an evaluation as a compressed ``.npz``: the task, the names, the packed predictions, the
    outputs, if there are any, and the targets, if they are classes, of images or of pixels.

    Raises:
        InputError: the file cannot be written.
    """
    packed = evaluation.task.pack(evaluation.predictions)
    outputs = evaluation.outputs or {}
    classes = [target for target in evaluation.targets if isinstance(target, int)]
    arrays: dict[str, Any] = {f"prediction.{name}": array for name, array in packed.items()}
    arrays |= {f"output.{name}": array for name, array in outputs.items()}
    maps = [target for target in evaluation.targets if isinstance(target, ClassMap)]
    if maps:
        arrays |= {f"target.{name}": array for name, array in pack_maps(maps).items()}
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
        predictions = task.unpack(arrays_below(stored, "prediction"))
        outputs = {str(name): stored[f"output.{name}"] for name in stored["outputs"].tolist()}
        classes, maps = stored["targets"], arrays_below(stored, "target")
        if classes.dtype != np.int64 or classes.ndim != 1:
            raise ValueError("its arrays differ in kind")
        targets = unpack_maps(maps) if maps else classes.tolist()
        sizes = {len(predictions), *map(len, outputs.values()), len(targets) or len(names)}
        if sizes != {len(names)}:
            raise ValueError("its arrays differ in length")
        if any(value.dtype != np.float32 for value in outputs.values()):
            raise ValueError("its outputs are not float32")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: holds no kept answers ({said(error)}); {advice}") from error
    return Evaluation(task, predictions, targets, names, outputs or None)
