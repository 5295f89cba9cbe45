"""What each image contributes to average precision, as rows of numbers of one length.

A row holds the number of detections and of classes with objects, then of each detection its class,
score and two sets of thresholds, as bits: those at which it is right and those at which it is
wrong; then of each class its index and its number of objects; then zeros.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.detection.average_precision import AveragePrecision

_HEAD, _DETECTION, _CLASS = 2, 4, 2  # numbers


def to_rows(precision: AveragePrecision) -> NDArray[np.float64]:
    """(images, length), of which ``from_rows`` makes the same again."""
    bits = 2 ** np.arange(len(precision.thresholds))
    table = np.stack(
        (precision.label, precision.score, bits @ precision.right, bits @ precision.wrong), axis=1
    ).astype(np.float64)
    rows = []
    for image in range(precision.images):
        objects = precision.objects[:, image]
        there = np.flatnonzero(objects)
        own = table[precision.image == image]
        counts = np.stack((precision.labels[there], objects[there]), axis=1)
        rows.append(np.concatenate(([len(own), len(there)], own.ravel(), counts.ravel())))
    length = max((len(row) for row in rows), default=_HEAD)
    return np.stack([np.pad(row, (0, length - len(row))) for row in rows])


def from_rows(rows: NDArray[np.float64], thresholds: NDArray[np.float64]) -> AveragePrecision:
    """The inverse of ``to_rows``.

    Raises:
        ValueError: rows that ``to_rows`` does not make of figures at these ``thresholds``.
    """
    detections, objects = [np.zeros((0, 1 + _DETECTION))], [np.zeros((0, 1 + _CLASS))]
    if rows.ndim != 2 or rows.shape[1] < _HEAD or not np.isfinite(rows).all():
        raise ValueError("rows of another kind")
    for image, row in enumerate(rows):
        found, classes = row[:_HEAD].astype(np.int64).tolist()
        middle = _HEAD + _DETECTION * found
        if min(found, classes) < 0 or middle + _CLASS * classes > len(row):
            raise ValueError("a row that is too short")
        for parts, start, count, width in (
            (detections, _HEAD, found, _DETECTION),
            (objects, middle, classes, _CLASS),
        ):
            block = row[start : start + count * width].reshape(count, width)
            parts.append(np.column_stack((np.full(count, image), block)))
    image, label, score, right, wrong = np.concatenate(detections).T
    where, kind, count = np.concatenate(objects).T.astype(np.int64)
    labels = np.union1d(label.astype(np.int64), kind)
    counts = np.zeros((len(labels), len(rows)), np.int64)
    counts[np.searchsorted(labels, kind), where] = count
    bits = 2 ** np.arange(len(thresholds))[:, None]
    return AveragePrecision.in_order(
        thresholds,
        labels,
        counts,
        image=image.astype(np.int64),
        label=label.astype(np.int64),
        score=score,
        right=(right.astype(np.int64) & bits) > 0,
        wrong=(wrong.astype(np.int64) & bits) > 0,
    )
