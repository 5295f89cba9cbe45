"""Draws the app's icon, the bars of a ranking: python ios_demo/ci/icon.py."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

SIDE = 1024
BACKGROUND, BARS = (0x20, 0x46, 0x6B), (255, 255, 255)
GRID = 72
"""The drawing's units a side; the bars below are left, top, right, bottom in them."""
SHAPES = ((18, 40, 27, 52), (31.5, 30, 40.5, 52), (45, 20, 54, 52))
PATH = Path(__file__).parents[1] / "Demo/Assets.xcassets/AppIcon.appiconset/icon.png"


def draw() -> Image.Image:
    """An opaque square, as Apple asks for: the system rounds its corners."""
    icon = Image.new("RGB", (SIDE, SIDE), BACKGROUND)
    pen = ImageDraw.Draw(icon)
    for shape in SHAPES:
        left, top, right, bottom = (round(value * SIDE / GRID) for value in shape)
        pen.rectangle((left, top, right - 1, bottom - 1), fill=BARS)
    return icon


if __name__ == "__main__":
    draw().save(PATH, optimize=True)
