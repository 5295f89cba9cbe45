"""Where pictures lie under an input, and boxes on the way back, at the corners."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from zoo.input_spec import CropMode, InputSpec
from zoo.preprocess import Frame, preprocess

SPEC = InputSpec(320, 320, crop_pct=1.0, crop_mode="letterbox")


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
    frame = Frame.of(*size, SPEC)
    place = frame.placement
    assert (place.width, place.height, place.left, place.top) == (*resized, 0, 0)
    assert frame.to_picture(np.array([[0, 0, *resized]], np.float32)).tolist() == [[0, 0, *size]]
    inner = np.array([[1.5, 1.25, size[0] - 1, size[1] - 0.5]])
    scale = np.array([resized[0] / size[0], resized[1] / size[1]] * 2)
    back = frame.to_picture((inner * scale).astype(np.float32))
    np.testing.assert_allclose(back, inner, rtol=1e-6)


def test_what_lies_outside_is_clipped() -> None:
    frame = Frame.of(640, 320, SPEC)
    boxes = np.array([[-5, -5, 400, 200]], np.float32)
    assert frame.to_picture(boxes).tolist() == [[0, 0, 640, 320]]
    assert frame.to_picture(boxes[:0]).shape == (0, 4)


@pytest.mark.parametrize("mode", ["letterbox", "border", "squash", "center"])
@pytest.mark.parametrize("size", [(200, 100), (100, 200), (320, 320), (40, 24)])
def test_the_pictures_corners_are_where_boxes_say(size: tuple[int, int], mode: CropMode) -> None:
    width, height = size
    spec = InputSpec(320, 256, crop_pct=1.0, crop_mode=mode)
    frame = Frame.of(width, height, spec)
    # A white rectangle in the middle, which every mode shows at least in part.
    box = np.array([[width * 0.4, height * 0.4, width * 0.6, height * 0.6]]).round()
    left, top, right, bottom = box[0].astype(int)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[top:bottom, left:right] = 255
    found = preprocess(Image.fromarray(pixels), spec)[0]
    white = np.argwhere(found > (0.5 - 0.485) / 0.229)
    first, last = white.min(axis=0), white.max(axis=0) + 1
    seen = np.array([[first[1], first[0], last[1], last[0]]], np.float32)
    pixel = np.array([width / frame.placement.width, height / frame.placement.height] * 2)
    assert (np.abs(frame.to_picture(seen) - box) <= np.maximum(pixel, 0.5) * 1.01).all()


def test_a_letterbox_is_padded_with_the_mean_colour() -> None:
    white = Image.new("RGB", (200, 100), (255, 255, 255))
    found = preprocess(white, SPEC)
    assert np.abs(found[:, 160:]).max() < 0.01  # rounded to 8 bits
    assert found[:, :160].min() > 2
