"""The letterbox and the way back, at the corners."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from zoo.detection.letterbox import Letterbox, letterbox
from zoo.input_spec import InputSpec

SPEC = InputSpec(320, 320)


@pytest.mark.parametrize(
    ("size", "resized"),
    [
        ((640, 426), (320, 213)),
        ((426, 640), (213, 320)),
        ((100, 100), (320, 320)),
        ((1001, 333), (320, 106)),
        ((5000, 2), (320, 1)),
    ],
)
def test_corners_come_back(size: tuple[int, int], resized: tuple[int, int]) -> None:
    place = Letterbox.of(*size, SPEC)
    assert (place.resized_width, place.resized_height) == resized
    whole = np.array([[0, 0, *size]], np.float32)
    assert place.to_input(whole).tolist() == [[0, 0, *resized]]
    assert place.to_picture(place.to_input(whole)).tolist() == whole.tolist()
    inner = np.array([[1.5, 1.25, size[0] - 1, size[1] - 0.5]], np.float32)
    np.testing.assert_allclose(place.to_picture(place.to_input(inner)), inner, rtol=1e-6)


def test_what_lies_outside_is_clipped() -> None:
    place = Letterbox.of(640, 320, SPEC)
    assert place.to_picture(np.array([[-5, -5, 400, 200]], np.float32)).tolist() == [
        [0, 0, 640, 320]
    ]


@pytest.mark.parametrize("size", [(200, 100), (100, 200), (320, 320), (40, 24)])
def test_the_pictures_corners_are_where_boxes_say(size: tuple[int, int]) -> None:
    width, height = size
    left, top = width - width // 4, height - height // 4
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[top:, left:] = 255  # the right lower quarter of each side
    found, place = letterbox(Image.fromarray(pixels), SPEC)
    assert found.shape == (3, 320, 320) and found.dtype == np.float32
    assert not found[:, place.resized_height :].any()
    assert not found[:, :, place.resized_width :].any()
    x0, y0, x1, y1 = (
        place.to_input(np.array([[left, top, width, height]], np.float32))[0].round().astype(int)
    )
    blurred = 1 + round(max(1, place.resized_width / width))
    white, grey = (1 - 0.485) / 0.229, (128 / 255 - 0.485) / 0.229
    inside = found[0, y0 + blurred : y1, x0 + blurred : x1]
    assert inside.size and np.allclose(inside, white, atol=1e-3)
    assert np.allclose(found[0, : y0 - blurred, : x0 - blurred], grey, atol=1e-3)
