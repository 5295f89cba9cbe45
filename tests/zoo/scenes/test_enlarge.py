from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from zoo.scenes.enlarge import enlarge


@pytest.mark.parametrize(("height", "width"), [(28, 28), (32, 27), (44, 51), (96, 110), (61, 200)])
def test_as_pillow_but_for_rounding(height: int, width: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    found = enlarge(values, height, width)
    wanted = np.asarray(
        Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR), np.int64
    )
    if width >= 28:  # where Pillow makes smaller, it averages
        # Positions are rounded down to 1/256 of a pixel, twice: 2 * 255 / 256, and half a step.
        assert np.abs(found - wanted).max() <= 3
        assert np.abs(found - wanted).mean() < 0.6


def test_by_hand() -> None:
    values = np.array([[0, 100]], np.uint8)
    # Centres at -0.25, 0.25, 0.75, 1.25 of the two pixels.
    assert enlarge(values, 1, 4).tolist() == [[0, 25, 75, 100]]
    assert enlarge(values, 3, 2).tolist() == [[0, 100]] * 3
    assert (enlarge(values, 5, 2) == enlarge(values, 1, 2)).all()
