"""Which detections of a picture match which objects, by COCO's rules (cocodataset.org, "Detection
evaluation")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def match(
    overlaps: NDArray[np.float64], ignored: Flags, crowd: Flags, thresholds: NDArray[np.float64]
) -> tuple[Flags, Flags]:
    """Give every detection an object, one after the other.

    A detection takes the object that it overlaps most, among those that overlap it by at least the
    threshold and are not taken; a crowd can be taken any number of times. Ignored objects come
    last, and what takes one is neither right nor wrong.

    Args:
        overlaps: (D, G), the best detection first.
        ignored: (G,), True for objects that need not be found.
        crowd: (G,), all of them ignored.
        thresholds: (T,).

    Returns:
        (T, D) each: whether a detection has an object, and whether that one is ignored.
    """
    detections, objects = overlaps.shape
    order = np.argsort(ignored, kind="stable")
    overlaps, ignored, crowd = overlaps[:, order], ignored[order], crowd[order]
    matched = np.zeros((len(thresholds), detections), bool)
    vain = np.zeros_like(matched)
    if not objects:
        return matched, vain
    # As COCO's tools do: a perfect match counts at a threshold of 1.
    lowest = np.minimum(thresholds, 1 - 1e-10)[:, None]
    taken = np.zeros((len(thresholds), objects), bool)
    rows = np.arange(len(thresholds))
    for number in range(detections):
        fits = (overlaps[number] >= lowest) & (~taken | crowd)  # (T, G)
        wanted = fits & ~ignored
        choice = np.where(wanted.any(axis=1)[:, None], wanted, fits)
        # The last of equal ones, as COCO's tools take.
        best = objects - 1 - np.argmax(np.where(choice, overlaps[number], -1)[:, ::-1], axis=1)
        has = choice.any(axis=1)
        matched[:, number] = has
        vain[:, number] = has & ignored[best]
        taken[rows[has], best[has]] = True
    return matched, vain
