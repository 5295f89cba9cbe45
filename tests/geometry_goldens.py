"""Goldens of frame geometry for the apps: sensor -> upright -> network input and view, and back.

Coordinates are continuous pixels: pixel i covers [i, i + 1), the origin is the left upper corner,
y points down. An affine map is six numbers [a, b, c, d, e, f] and takes (x, y) to
(a x + b y + c, d x + e y + f).

``write_geometry_goldens`` writes one JSON document:

- ``schema_version``: 1
- ``tolerance``: largest difference in pixels between an app's coordinate and one given here
- ``cases``: a list of
  - ``sensor``: [width, height] of the frame as the sensor delivers it
  - ``rotation``: degrees clockwise, 0, 90, 180 or 270, that the frame is turned by to stand upright
  - ``mirrored``: whether it is then flipped left to right, as a selfie is
  - ``input``: what the network expects, as ``input`` of model_config.json
  - ``upright``: [width, height] of the upright picture
  - ``resized``: [width, height] of the upright picture after the resize, before crop or padding
  - ``sensor_to_upright``, ``upright_to_input``: affine maps; the network input is
    ``input.width`` x ``input.height`` pixels
  - ``seen``: [left, top, right, bottom], the part of the sensor's frame that the network sees:
    padding, which is no part of the frame, is left out
  - ``points``: a list of the same point as ``sensor``, ``upright`` and ``input`` [x, y]: the four
    corners of the sensor's frame, then those of the network input (left upper, right upper, right
    lower, left lower; each in its own coordinates)
  - ``views``: a list of
    - ``view``: [width, height] of the view that shows the whole upright picture, centred (fitted)
    - ``upright_to_view``: affine map
    - ``seen``: [left, top, right, bottom] of what the network sees, in the view
    - ``points``: a list of the same point as ``view`` and ``sensor``: the four corners of the view,
      which may lie beside the frame, then those of the frame
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from fbdeploy.records.bundle_schema import BundleInput
from zoo.input_spec import InputSpec
from zoo.preprocess import placement

TOLERANCE = 1e-6
SENSORS = ((640, 480), (1280, 720), (4032, 3024), (641, 479))
ROTATIONS = (0, 90, 180, 270)
SQUARE = InputSpec(height=224, width=224)
SPECS = (
    replace(SQUARE, crop_pct=0.875, interpolation="bicubic"),
    replace(SQUARE, crop_pct=1.0),
    replace(SQUARE, crop_pct=0.95, crop_mode="squash"),
    replace(SQUARE, crop_pct=1.0, crop_mode="border"),
    replace(SQUARE, height=192, width=320, crop_pct=0.9),
    replace(SQUARE, height=320, width=192, crop_pct=0.9, crop_mode="border"),
    replace(SQUARE, width=256, crop_pct=1.0, crop_mode="letterbox"),
)
VIEWS = ((1080, 1520), (2280, 900), (1000, 1000), (2208, 1768))
"""A phone upright and on its side, a square, an unfolded foldable."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Affine:
    """x' = a x + b y + c, y' = d x + e y + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def __call__(self, point: Any) -> Any:
        """The image of a point: x and y, numbers or arrays."""
        x, y = point
        return self.a * x + self.b * y + self.c, self.d * x + self.e * y + self.f

    def after(self, first: Affine) -> Affine:
        """The map that applies ``first``, then this one."""
        a, b = self.a * first.a + self.b * first.d, self.a * first.b + self.b * first.e
        d, e = self.d * first.a + self.e * first.d, self.d * first.b + self.e * first.e
        c, f = self((first.c, first.f))
        return Affine(a, b, c, d, e, f)

    def inverse(self) -> Affine:
        """The map back."""
        area = self.a * self.e - self.b * self.d
        a, b, d, e = self.e / area, -self.b / area, -self.d / area, self.a / area
        return Affine(a, b, -(a * self.c + b * self.f), d, e, -(d * self.c + e * self.f))

    def row(self) -> list[float]:
        """As the goldens hold it."""
        return [float(value) for value in (self.a, self.b, self.c, self.d, self.e, self.f)]


def upright_size(size: tuple[int, int], rotation: int) -> tuple[int, int]:
    """Width and height once a frame is turned."""
    return size if rotation % 180 == 0 else (size[1], size[0])


def sensor_to_upright(size: tuple[int, int], rotation: int, mirrored: bool) -> Affine:
    """Turn clockwise, then flip left to right."""
    width, height = size
    turn = {
        0: Affine(1, 0, 0, 0, 1, 0),
        90: Affine(0, -1, height, 1, 0, 0),
        180: Affine(-1, 0, width, 0, -1, height),
        270: Affine(0, 1, 0, -1, 0, width),
    }[rotation]
    flip = Affine(-1, 0, upright_size(size, rotation)[0], 0, 1, 0)
    return flip.after(turn) if mirrored else turn


def upright_to_input(size: tuple[int, int], spec: InputSpec) -> Affine:
    """The resize and the crop or padding of ``zoo.preprocess``."""
    place = placement(*size, spec)
    return Affine(place.width / size[0], 0, -place.left, 0, place.height / size[1], -place.top)


def upright_to_view(size: tuple[int, int], view: tuple[int, int]) -> Affine:
    """The whole picture in the middle of the view, as large as it fits."""
    scale = min(view[0] / size[0], view[1] / size[1])
    left, top = (view[0] - scale * size[0]) / 2, (view[1] - scale * size[1]) / 2
    return Affine(scale, 0, left, 0, scale, top)


def corners(size: tuple[float, float]) -> list[Point]:
    """Left upper, right upper, right lower, left lower."""
    return [(0.0, 0.0), (size[0], 0.0), (size[0], size[1]), (0.0, size[1])]


def bounds(points: Sequence[Point]) -> list[float]:
    """Left, top, right and bottom of the box around points."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return [min(xs), min(ys), max(xs), max(ys)]


def geometry_case(
    sensor: tuple[int, int], rotation: int, mirrored: bool, spec: InputSpec
) -> dict[str, Any]:
    """One entry of ``cases``."""
    upright = upright_size(sensor, rotation)
    turn = sensor_to_upright(sensor, rotation, mirrored)
    fit = upright_to_input(upright, spec)
    to_input = fit.after(turn)
    left, top, right, bottom = bounds([to_input.inverse()(p) for p in _input_corners(spec)])
    seen = [max(left, 0.0), max(top, 0.0), min(right, sensor[0]), min(bottom, sensor[1])]
    points = [*corners(sensor), *(to_input.inverse()(p) for p in _input_corners(spec))]
    place = placement(*upright, spec)
    return {
        "sensor": list(sensor),
        "rotation": rotation,
        "mirrored": mirrored,
        "input": _input(spec),
        "upright": list(upright),
        "resized": [place.width, place.height],
        "sensor_to_upright": turn.row(),
        "upright_to_input": fit.row(),
        "seen": seen,
        "points": [
            {"sensor": list(p), "upright": list(turn(p)), "input": list(to_input(p))}
            for p in points
        ],
        "views": [_view(sensor, turn, upright, seen, view) for view in VIEWS],
    }


def _view(
    sensor: tuple[int, int],
    turn: Affine,
    upright: tuple[int, int],
    seen: list[float],
    view: tuple[int, int],
) -> dict[str, Any]:
    fit = upright_to_view(upright, view)
    to_view = fit.after(turn)
    left, top, right, bottom = seen
    points = [*corners(view), *(to_view(p) for p in corners(sensor))]
    return {
        "view": list(view),
        "upright_to_view": fit.row(),
        "seen": bounds([to_view((left, top)), to_view((right, bottom))]),
        "points": [{"view": list(p), "sensor": list(to_view.inverse()(p))} for p in points],
    }


def _input_corners(spec: InputSpec) -> list[Point]:
    return corners((spec.width, spec.height))


def _input(spec: InputSpec) -> dict[str, Any]:
    given = BundleInput(
        height=spec.height,
        width=spec.width,
        mean=spec.mean,
        std=spec.std,
        crop_pct=spec.crop_pct,
        interpolation=spec.interpolation,
        crop_mode=spec.crop_mode,
    )
    return asdict(given)


def write_geometry_goldens(path: Path) -> Path:
    """All sensors, rotations, mirrors and networks' inputs, each in all views; about 1 MB."""
    cases = [
        geometry_case(sensor, rotation, mirrored, spec)
        for sensor, rotation, mirrored, spec in product(SENSORS, ROTATIONS, (False, True), SPECS)
    ]
    document = {"schema_version": 1, "tolerance": TOLERANCE, "cases": cases}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
