"""A segmenter's answer as golden.json has it, and how many of its pixels an app may tell otherwise.

That number is not a matter of taste: it counts the pixels whose two likeliest classes are nearer to
each other than what rounding, or a model's allowed difference, can move them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fbdeploy.records.bundle_schema import ClassShare, MaskAnswer
from zoo.preprocess import Frame

LONGEST_RUN = (1 << 16) - 1
UNIT_ROUNDOFF = 2.0**-24
"""Of float32."""
WEIGHT_ROUNDINGS = 8
"""Of a resized logit: two weights from one coordinate each, four products and sums in two steps."""
COORDINATE_ROUNDINGS = 4
"""Of a coordinate along a side of n values, as parts of n: that of the scale and of the product;
each moves the logit by at most the difference of two, which is twice the largest."""


def mask_answer(
    classes: NDArray[np.uint8], logits: NDArray[np.float32], frame: Frame, allowed: float
) -> MaskAnswer:
    """The answer to one picture.

    Args:
        classes: of the network's input, uint8 (height, width).
        logits: what they were taken from, (classes, h, w).
        frame: how the picture lies under the input.
        allowed: how far an app's logits may differ, ``OutputTolerance.max_abs``.
    """
    height, width = classes.shape
    doubts = _Doubts(classes, logits.astype(np.float64))
    return MaskAnswer(
        width=width,
        height=height,
        runs=base64.b64encode(runs_of(classes)).decode(),
        shares=_shares(classes[shown(frame)]),
        undecided=doubts.count(rounding(logits, classes.shape), alike_too=False),
        close=doubts.count(rounding(logits, classes.shape) + 2 * allowed, alike_too=True),
    )


def runs_of(classes: NDArray[np.uint8]) -> bytes:
    """``MaskAnswer.runs`` of classes (height, width), before base64."""
    flat = classes.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    out = bytearray()
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        for left in range(end - start, 0, -LONGEST_RUN):
            out.append(flat[start])
            out += min(left, LONGEST_RUN).to_bytes(2, "little")
    return bytes(out)


def classes_of(answer: MaskAnswer) -> NDArray[np.uint8]:
    """The inverse: uint8 (height, width).

    Raises:
        ValueError: the runs are of another number of pixels.
    """
    content = np.frombuffer(base64.b64decode(answer.runs), np.uint8)
    if content.size % 3:
        raise ValueError("its runs are cut off")
    runs = content.reshape(-1, 3).astype(np.int64)
    lengths = runs[:, 1] + 256 * runs[:, 2]
    if lengths.sum() != answer.width * answer.height:
        raise ValueError(f"its runs are not of {answer.width}x{answer.height} pixels")
    flat = np.repeat(runs[:, 0].astype(np.uint8), lengths)
    return flat.reshape(answer.height, answer.width)


def differing(expected: MaskAnswer, found: MaskAnswer) -> int:
    """Pixels of which two masks of one size tell different classes."""
    return int((classes_of(expected) != classes_of(found)).sum())


def shown(frame: Frame) -> tuple[slice, slice]:
    """Rows and columns of the input that show the picture: all but padding."""
    place = frame.placement
    return (
        slice(max(0, -place.top), min(frame.input_height, place.height - place.top)),
        slice(max(0, -place.left), min(frame.input_width, place.width - place.left)),
    )


def rounding(logits: NDArray[np.float32], size: tuple[int, ...]) -> float:
    """How far float32 may move the difference of two resized logits, against another program's.

    Of (classes, h, w), resized to ``size``; as they are, nothing is rounded. Both logits, in both
    programs, are off by the roundings of weights and sums, and of the two coordinates.
    """
    _, *sides = logits.shape
    if tuple(sides) == size:
        return 0.0
    roundings = WEIGHT_ROUNDINGS + COORDINATE_ROUNDINGS * sum(sides)
    return 4 * roundings * UNIT_ROUNDOFF * float(np.abs(logits).max())


def _shares(classes: NDArray[np.uint8]) -> tuple[ClassShare, ...]:
    counts = np.bincount(classes.ravel(), minlength=256).tolist()
    present = sorted((-pixels, index) for index, pixels in enumerate(counts) if pixels)
    return tuple(ClassShare(class_index=index, pixels=-pixels) for pixels, index in present)


@dataclass(frozen=True)
class _Axis:
    """Between which two values each pixel lies, and how near the later one, 0 to 1."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, size: int, count: int) -> _Axis:
        place = np.maximum((np.arange(count) + 0.5) * (size / count) - 0.5, 0.0)
        before = np.minimum(place.astype(np.int64), size - 1)
        weight = place - before
        # A later value that does not count is none.
        after = np.where(weight > 0, np.minimum(before + 1, size - 1), before)
        return cls(before, after, weight)


class _Doubts:
    """How near other classes come to each pixel's, in float64."""

    def __init__(self, classes: NDArray[np.uint8], logits: NDArray[np.float64]) -> None:
        self.classes, self.logits = classes, logits
        self.down = _Axis.of(logits.shape[1], classes.shape[0])
        self.across = _Axis.of(logits.shape[2], classes.shape[1])
        self.largest = np.zeros(classes.shape)
        for index, values in self._resized():
            self.largest = np.where(classes == index, values, self.largest)

    def _resized(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """One class after the other: all at once do not fit everywhere."""
        for index, values in enumerate(self.logits):
            left, right = values[:, self.across.before], values[:, self.across.after]
            wide = left + self.across.weight * (right - left)
            upper, lower = wide[self.down.before], wide[self.down.after]
            yield index, upper + self.down.weight[:, None] * (lower - upper)

    def count(self, margin: float, alike_too: bool) -> int:
        """Pixels to which another class comes as near as ``margin``.

        Without ``alike_too`` one that has the same four logits around the pixel does not count:
        whoever computes both alike gets the same of both.
        """
        doubtful = np.zeros(self.classes.shape, bool)
        for index, values in self._resized():
            near = (self.largest - values <= margin) & (self.classes != index)
            if not alike_too and near.any():
                rows, columns = np.nonzero(near)
                near[rows, columns] = ~self._alike(index, rows, columns)
            doubtful |= near
        return int(doubtful.sum())

    def _alike(
        self, index: int, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        own = self.classes[rows, columns]
        alike = np.ones(len(rows), bool)
        for vertical in (self.down.before, self.down.after):
            for horizontal in (self.across.before, self.across.after):
                y, x = vertical[rows], horizontal[columns]
                alike &= self.logits[own, y, x] == self.logits[index, y, x]
        return alike
