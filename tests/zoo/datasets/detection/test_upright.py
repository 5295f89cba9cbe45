"""Corners of pictures, as they are stored and upright, through every orientation of EXIF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.datasets.detection.annotations import Instance, RunLengths
from zoo.datasets.detection.upright import read_stored
from zoo.errors import InputError
from zoo.images import BadImageError, read_image

WIDTH, HEIGHT = 6, 4
COLOURS = {
    (0, 0): (255, 0, 0),
    (WIDTH - 1, 0): (0, 255, 0),
    (0, HEIGHT - 1): (0, 0, 255),
    (WIDTH - 1, HEIGHT - 1): (255, 255, 0),
}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_corners_go_where_the_pixels_go(orientation: int, suffix: str, tmp_path: Path) -> None:
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for place, colour in COLOURS.items():
        image.putpixel(place, colour)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    image.save(path, exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
    stored, upright = read_stored(path), read_image(path)
    assert stored.upright == upright.size
    assert stored.is_annotated_as_stored(WIDTH, HEIGHT) == (orientation >= 5)
    for (x, y), colour in COLOURS.items():
        box = stored.turn_box((x, y, x + 1, y + 1))
        left, top = int(box[0]), int(box[1])
        assert box == (left, top, left + 1, top + 1)
        assert upright.getpixel((left, top)) == colour
        # The polygon around the same pixel.
        square = ((x, y, x + 1, y, x + 1, y + 1, x, y + 1),)
        turned = stored.turn_instance(Instance((x, y, x + 1, y + 1), 0, 1.0, square))
        assert turned.mask is not None and not isinstance(turned.mask, RunLengths)
        points = np.array(turned.mask[0]).reshape(-1, 2)
        assert (*points.min(axis=0), *points.max(axis=0)) == box


def test_what_is_no_picture_or_cannot_be_turned(tmp_path: Path) -> None:
    with pytest.raises(BadImageError, match="no such file"):
        read_stored(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"none")
    with pytest.raises(BadImageError, match="cannot be read"):
        read_stored(tmp_path / "a.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png")
    runs = RunLengths(4, 4, (16,))
    with pytest.raises(InputError, match="run lengths"):
        read_stored(tmp_path / "b.png").turn_instance(Instance((0, 0, 1, 1), 0, 1.0, runs))
