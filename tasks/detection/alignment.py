"""What a detector finds, in the order of what another one finds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.base import Outputs
from tasks.detection.objects import Found
from tasks.detection.pairs import pairs


def aligned(reference: Outputs, other: Outputs) -> Outputs:
    """``other`` with each detection in its partner's place.

    Detections without a partner go where ``reference`` has none, as far as there is room. So what
    only one of both finds stands against zeros.
    """
    found = {name: np.zeros_like(value) for name, value in other.items()}
    for image in range(len(other["scores"])):
        theirs, ours = _present(reference, image), _present(other, image)
        free = np.flatnonzero(reference["scores"][image] <= 0)
        places = dict(_partners(reference, other, image, theirs, ours))
        left = [row for row in ours.tolist() if row not in places.values()]
        places |= dict(zip(free.tolist(), left, strict=False))
        for place, row in places.items():
            for name, value in other.items():
                found[name][image, place] = value[image, row]
    return found


def _partners(
    reference: Outputs,
    other: Outputs,
    image: int,
    theirs: NDArray[np.int64],
    ours: NDArray[np.int64],
) -> list[tuple[int, int]]:
    first, second = _found(reference, image, theirs), _found(other, image, ours)
    return [(int(theirs[one.first]), int(ours[one.second])) for one in pairs(first, second)]


def _present(outputs: Outputs, image: int) -> NDArray[np.int64]:
    return np.flatnonzero(outputs["scores"][image] > 0)


def _found(outputs: Outputs, image: int, rows: NDArray[np.int64]) -> Found:
    boxes, scores, labels = (outputs[name][image][rows] for name in ("boxes", "scores", "labels"))
    return Found(boxes, scores, np.rint(labels).astype(np.int64))
