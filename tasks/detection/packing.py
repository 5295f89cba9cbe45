"""Detections in files: those of all images one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.detection.objects import Found
from zoo.datasets.detection.annotations import RunLengths


def pack(predictions: Sequence[Found]) -> dict[str, NDArray[Any]]:
    """``counts`` (N,) of detections, ``boxes`` (M, 4), ``scores`` (M,) and ``labels`` (M,), and of
    instance segmentation ``mask_sizes`` (M, 3), height, width and number of runs, and ``runs``."""
    arrays: dict[str, NDArray[Any]] = {
        "counts": np.array([len(one.scores) for one in predictions], np.int32),
        "boxes": _joined([one.boxes for one in predictions], (0, 4), np.float32),
        "scores": _joined([one.scores for one in predictions], (0,), np.float32),
        "labels": _joined([one.labels for one in predictions], (0,), np.int32),
    }
    if predictions and all(one.masks is not None for one in predictions):
        masks = [mask for one in predictions for mask in one.masks or ()]
        sizes = [(mask.height, mask.width, len(mask.counts)) for mask in masks]
        arrays["mask_sizes"] = np.array(sizes, np.int32).reshape(-1, 3)
        arrays["runs"] = _joined([np.array(m.counts) for m in masks], (0,), np.int32)
    return arrays


def unpack(arrays: Mapping[str, NDArray[Any]]) -> list[Found]:
    """The inverse of ``pack``.

    Raises:
        ValueError: arrays that are no detections.
    """
    counts, boxes = arrays["counts"], arrays["boxes"]
    scores, labels = arrays["scores"], arrays["labels"]
    kinds = "".join(array.dtype.kind for array in (counts, boxes, scores, labels))
    if kinds != "iffi" or counts.ndim != 1 or (counts < 0).any():
        raise ValueError("its arrays are of another kind")
    total = int(counts.sum())
    if boxes.shape != (total, 4) or scores.shape != (total,) or labels.shape != (total,):
        raise ValueError("its arrays differ in length or kind")
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()) or (labels < 0).any():
        raise ValueError("it holds numbers that are no detections")
    masks = _masks(arrays, total) if "mask_sizes" in arrays else None
    found, end = [], np.cumsum(counts)
    for first, last in zip(end - counts, end, strict=True):
        found.append(
            Found(
                boxes[first:last].astype(np.float32),
                scores[first:last].astype(np.float32),
                labels[first:last].astype(np.int64),
                None if masks is None else masks[first:last],
            )
        )
    return found


def _masks(arrays: Mapping[str, NDArray[Any]], total: int) -> tuple[RunLengths, ...]:
    sizes, runs = arrays["mask_sizes"], arrays["runs"]
    if sizes.shape != (total, 3) or runs.ndim != 1 or sizes.dtype.kind + runs.dtype.kind != "ii":
        raise ValueError("its masks are of another kind")
    if (sizes < 0).any() or (runs < 0).any() or int(sizes[:, 2].sum()) != len(runs):
        raise ValueError("its masks differ in length")
    found, start = [], 0
    for height, width, count in sizes.tolist():
        own = runs[start : start + count].tolist()
        start += count
        if sum(own) != height * width:
            raise ValueError("it holds a mask of another size than it says")
        found.append(RunLengths(height, width, tuple(own)))
    return tuple(found)


def _joined(parts: Sequence[NDArray[Any]], empty: tuple[int, ...], kind: type) -> NDArray[Any]:
    return np.concatenate([np.zeros(empty, kind), *parts]).astype(kind)
