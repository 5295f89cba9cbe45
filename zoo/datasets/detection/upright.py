"""Sizes of upright pictures, and annotations of pictures that lie on their side.

EXIF tells how a picture was held. ``read_image`` turns it upright, and most tools show and annotate
it so; some annotate the stored pixels, which the picture's size in the annotations tells where a
side became the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.datasets.detection.annotations import Box, Instance, Mask, RunLengths
from zoo.errors import InputError
from zoo.images import SIDEWAYS, Header, read_header

Point = tuple[float, float]

# Where a point of the stored picture of w x h pixels lies in the upright one, by EXIF's orientation
# (JEITA CP-3451, 4.6.4): 6 is what a phone held upright stores, its right side being the top.
_TURNS: dict[int, Callable[[float, float, float, float], Point]] = {
    2: lambda x, y, w, h: (w - x, y),
    3: lambda x, y, w, h: (w - x, h - y),
    4: lambda x, y, w, h: (x, h - y),
    5: lambda x, y, w, h: (y, x),
    6: lambda x, y, w, h: (h - y, x),
    7: lambda x, y, w, h: (h - y, w - x),
    8: lambda x, y, w, h: (y, w - x),
}


@dataclass(frozen=True)
class Stored(Header):
    """A picture file's pixels as they are stored, and what turns them upright."""

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the picture as ``read_image`` gives it."""
        if self.orientation in SIDEWAYS:
            return self.height, self.width
        return self.width, self.height

    def is_annotated_as_stored(self, width: int, height: int) -> bool:
        """Whether annotations for ``width`` x ``height`` pixels are of the stored picture."""
        return (width, height) != self.upright and (width, height) == (self.width, self.height)

    def turn(self, point: Point) -> Point:
        """A point of the stored picture, in the upright one."""
        turn = _TURNS.get(self.orientation)
        return point if turn is None else turn(*point, self.width, self.height)

    def turn_instance(self, instance: Instance) -> Instance:
        """An object of the stored picture, in the upright one.

        Raises:
            InputError: its mask is in run lengths, whose columns would become rows.
        """
        return dataclasses.replace(
            instance, box=self.turn_box(instance.box), mask=self._turn_mask(instance.mask)
        )

    def turn_box(self, box: Box) -> Box:
        """A box of the stored picture, in the upright one."""
        (x0, y0), (x1, y1) = self.turn(box[:2]), self.turn(box[2:])
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def _turn_mask(self, mask: Mask | None) -> Mask | None:
        if mask is None:
            return None
        if isinstance(mask, RunLengths):
            raise InputError("masks in run lengths are of the picture as it was stored; turn it")
        return tuple(
            tuple(
                value
                for pair in zip(polygon[::2], polygon[1::2], strict=True)
                for value in self.turn(pair)
            )
            for polygon in mask
        )


def read_stored(path: Path) -> Stored:
    """Size and orientation from a picture's header; its pixels are not decoded.

    Raises:
        BadImageError: as ``read_header`` does.
    """
    header = read_header(path)
    return Stored(header.width, header.height, header.orientation)
