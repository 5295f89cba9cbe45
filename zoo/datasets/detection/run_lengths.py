"""Masks as run lengths: COCO's text form, polygons, and arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.detection.annotations import RunLengths

_FIRST = 48  # the character that stands for 0


def parse_counts(counts: str | Sequence[int]) -> tuple[int, ...]:
    """Run lengths from a list, or from COCO's text.

    The text holds numbers of 5 bits a character, the lowest first, the sixth bit telling that more
    follow; from the fourth on each is the difference to the one before the last
    (pycocotools' maskApi.c, rleFrString).

    Raises:
        ValueError: text that ends within a number or has other characters, or a run below 0.
    """
    if not isinstance(counts, str):
        return tuple(counts)
    runs: list[int] = []
    value, bits = 0, 0
    for character in counts:
        code = ord(character) - _FIRST
        if not 0 <= code < 64:
            raise ValueError(f"run lengths hold the character {character!r}")
        value |= (code & 31) << bits
        bits += 5
        if code & 32:
            if bits > 60:
                raise ValueError("run lengths hold a number that is too large")
            continue
        if code & 16:
            value -= 1 << bits
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        if runs[-1] < 0:
            raise ValueError("run lengths hold a run below 0")
        value, bits = 0, 0
    if bits:
        raise ValueError("run lengths end within a number")
    return tuple(runs)


def to_array(runs: RunLengths) -> NDArray[np.bool_]:
    """The mask (height, width)."""
    values = np.repeat(np.arange(len(runs.counts)) % 2 == 1, runs.counts)
    return values.reshape(runs.width, runs.height).T


def from_array(mask: NDArray[np.bool_]) -> RunLengths:
    """The run lengths of a mask (height, width)."""
    height, width = mask.shape
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate(([0], changes, [flat.size]))
    counts = np.diff(starts).tolist()
    return RunLengths(height, width, tuple([0, *counts] if flat[:1].any() else counts))
