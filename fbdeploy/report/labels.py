"""Labels of a plot: each beside its mark where there is room, none over another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in SVG units."""
RADIUS = 6.0
CHARACTER_WIDTH, LINE_HEIGHT = 7.8, 17.0
"""At 12.5 pixels, of the widest of the fonts that the page names; see the test in the browser."""
REACH = 12
"""Lines above and below a mark that its label may stand."""


def overlap(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def place_labels(
    marks: Sequence[tuple[float, float, str]],
    frame: Box,
    others: Sequence[tuple[float, float]] = (),
    texts: Sequence[Box] = (),
) -> list[Box | None]:
    """One box a label, inside the frame and near its mark.

    Args:
        marks: their places with their labels; the first find a place first.
        frame: of the plot.
        others: marks without a label, not to be covered either.
        texts: what is written there already.

    Returns:
        None for a label that would cover another wherever it stands.
    """
    dots = [
        (x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)
        for x, y in (*((x, y) for x, y, _ in marks), *others)
    ]
    boxes: list[Box | None] = []
    for x, y, label in marks:
        size = len(label) * CHARACTER_WIDTH

        def cost(box: Box, anchor: tuple[float, float] = (x, y)) -> float:
            outside = (box[2] - box[0]) * LINE_HEIGHT - overlap(box, frame)
            covered = sum(overlap(box, dot) for dot in dots)
            centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
            return 50 * outside + 20 * covered + math.dist(centre, anchor)

        taken = [*texts, *(box for box in boxes if box is not None)]
        free = [
            box
            for box in _places(x, y, size, frame)
            if not any(overlap(box, other) for other in taken)
        ]
        boxes.append(min(free, key=cost, default=None))
    return boxes


def fitting(label: str, frame: Box) -> str:
    """A label that is no wider than the frame; what is left out is dots."""
    most = int((frame[2] - frame[0]) / CHARACTER_WIDTH)
    return label if len(label) <= most else f"{label[: most - 1].rstrip()}…"


def _places(x: float, y: float, size: float, frame: Box) -> Iterator[Box]:
    gap = RADIUS + 4
    widest = max(frame[0], frame[2] - size)
    for step in range(-REACH, REACH + 1):
        top = y + step * LINE_HEIGHT - LINE_HEIGHT / 2
        top = min(max(top, frame[1]), frame[3] - LINE_HEIGHT)
        for left in (x + gap, x - gap - size, x - size / 2, frame[0] + 4, widest - 4):
            inside = min(max(left, frame[0]), widest)
            yield (inside, top, inside + size, top + LINE_HEIGHT)


def leader(x: float, y: float, box: Box) -> list[str]:
    """The line from a mark to its label; none where they are neighbours."""
    near = (min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3]))
    if math.dist((x, y), near) <= RADIUS + 8:
        return []
    return [
        f'<line class="leader" x1="{x:.1f}" y1="{y:.1f}" x2="{near[0]:.1f}" y2="{near[1]:.1f}"/>'
    ]
