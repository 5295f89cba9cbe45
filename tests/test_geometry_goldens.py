"""The goldens of frame geometry against what Pillow and ``zoo.preprocess`` do to pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.geometry_goldens import (
    ROTATIONS,
    SENSORS,
    SPECS,
    Affine,
    bounds,
    corners,
    sensor_to_upright,
    upright_size,
    upright_to_input,
    write_geometry_goldens,
)
from zoo.input_spec import InputSpec
from zoo.preprocess import resize_and_crop

TURNS = {
    90: Image.Transpose.ROTATE_270,  # Pillow turns the other way round
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


def place_card(width: int, height: int) -> Image.Image:
    """Red rises with x, green with y, blue is 255: each pixel says where it is."""
    x = np.linspace(0, 255, 2 * width + 1)[1::2]
    y = np.linspace(0, 255, 2 * height + 1)[1::2]
    red, green = np.meshgrid(x, y)
    pixels = np.stack([red, green, np.full_like(red, 255)], axis=-1)
    return Image.fromarray(pixels.round().astype(np.uint8))


def upright(card: Image.Image, rotation: int, mirrored: bool) -> Image.Image:
    if rotation:
        card = card.transpose(TURNS[rotation])
    return ImageOps.mirror(card) if mirrored else card


def farthest(pixels: Image.Image, to_pixels: Affine, sensor: tuple[int, int]) -> float:
    """Largest distance, in parts of the sensor's sides, between a map and what pixels say."""
    found = np.asarray(pixels, np.float64)
    back = to_pixels.inverse()
    rows, columns = np.nonzero(found[..., 2] == 255)
    at_x, at_y = back((columns + 0.5, rows + 0.5))
    # An antialiased pixel at the border is a mean over fewer, so it lies further in.
    in_x, in_y = np.clip(at_x, 0, sensor[0]), np.clip(at_y, 0, sensor[1])
    told = found[rows, columns] / 255
    off_x, off_y = in_x / sensor[0] - told[:, 0], in_y / sensor[1] - told[:, 1]
    return float(max(np.abs(off_x).max(), np.abs(off_y).max()))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_the_turn_is_pillow_s(rotation: int, mirrored: bool) -> None:
    sensor = (37, 23)
    pixels = upright(place_card(*sensor), rotation, mirrored)
    assert pixels.size == upright_size(sensor, rotation)
    assert (
        farthest(pixels, sensor_to_upright(sensor, rotation, mirrored), sensor) < 0.5 / 255 + 1e-9
    )


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("sensor", [size for size in SENSORS if size[0] < 2000])
def test_the_input_shows_what_the_goldens_say(sensor: tuple[int, int], spec: InputSpec) -> None:
    # A fill that the card does not have tells the padding from the picture.
    spec = replace(spec, mean=(0.0, 0.0, 0.0))
    rotation, mirrored = 90, True
    pixels = resize_and_crop(upright(place_card(*sensor), rotation, mirrored), spec)
    turn = sensor_to_upright(sensor, rotation, mirrored)
    fit = upright_to_input(upright_size(sensor, rotation), spec)
    # Half a grey level of rounding at either end, half a pixel of the input at a border.
    assert farthest(pixels, fit.after(turn), sensor) < 1 / 255 + 0.5 / min(spec.width, spec.height)
    left, top, right, bottom = bounds([fit.after(turn)(corner) for corner in corners(sensor)])
    columns = min(right, spec.width) - max(left, 0)
    rows = min(bottom, spec.height) - max(top, 0)
    assert np.count_nonzero(np.asarray(pixels)[..., 2] == 255) == pytest.approx(columns * rows)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_planted_error_in_the_turn_is_caught(rotation: int, mirrored: bool) -> None:
    sensor = (37, 23)
    pixels = upright(place_card(*sensor), rotation, mirrored)
    wrong = [
        sensor_to_upright(sensor, other, flipped)
        for other in ROTATIONS
        for flipped in (False, True)
        if (other, flipped) != (rotation, mirrored)
    ]
    assert all(farthest(pixels, turn, sensor) > 0.1 for turn in wrong)


def test_what_the_network_sees_is_known_by_hand(tmp_path: Path) -> None:
    document = json.loads(write_geometry_goldens(tmp_path / "geometry.json").read_text())
    cases = document["cases"]
    assert len(cases) == len(SENSORS) * 4 * 2 * len(SPECS)

    def seen(sensor: tuple[int, int], rotation: int, spec: InputSpec) -> dict[str, Any]:
        found = [
            case
            for case in cases
            if tuple(case["sensor"]) == sensor
            and case["rotation"] == rotation
            and not case["mirrored"]
            and case["input"]["crop_pct"] == spec.crop_pct
            and case["input"]["crop_mode"] == spec.crop_mode
            and case["input"]["width"] == spec.width
        ]
        assert len(found) == 1
        return found[0]

    # 480 rows become 256, of which 224 stay: 420 rows; the columns likewise, as 1 pixel is 1.875,
    # but for the truncation of 341.33 columns to 341 and of the offset 58.5 to 58.
    case = seen((640, 480), 0, SPECS[0])
    scale = 640 / 341
    assert case["seen"] == pytest.approx([58 * scale, 30, 282 * scale, 450])
    # Turned by 90 degrees, the columns of the sensor are the rows.
    case = seen((640, 480), 90, SPECS[0])
    assert case["seen"] == pytest.approx([58 * scale, 30, 282 * scale, 450])
    assert case["points"][0]["upright"] == [480, 0]
    # A letterbox sees everything; padded above and below by (224 - 168) / 2.
    case = seen((640, 480), 0, SPECS[3])
    assert case["seen"] == [0, 0, 640, 480]
    assert case["points"][0]["input"] == pytest.approx([0, 28])
    # A 4:3 picture in a view of 2280 x 900 leaves (2280 - 1200) / 2 at either side.
    view = case["views"][1]
    assert view["seen"] == pytest.approx([540, 0, 1740, 900])
