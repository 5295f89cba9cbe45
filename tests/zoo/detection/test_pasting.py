"""Masks on pictures against torch's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from zoo.datasets.detection.run_lengths import to_array
from zoo.detection.pasting import paste_mask

WIDTH, HEIGHT = 90, 70


@pytest.mark.parametrize(
    "box", [(10.3, 5.7, 60.2, 44.9), (0, 0, 90, 70), (-8.5, -3, 40, 80), (20, 20, 21.5, 20.8)]
)
def test_a_mask_is_where_grid_sample_puts_it(box: tuple[float, ...]) -> None:
    mask = torch.rand(28, 28, generator=torch.Generator().manual_seed(0))
    left, top, right, bottom = box
    x = (torch.arange(WIDTH) + 0.5 - left) / (right - left) * 2 - 1
    y = (torch.arange(HEIGHT) + 0.5 - top) / (bottom - top) * 2 - 1
    grid = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)[None]
    wanted = F.grid_sample(mask[None, None], grid, align_corners=False)[0, 0]
    pasted = to_array(paste_mask(mask.numpy(), np.array(box, np.float32), WIDTH, HEIGHT))
    clear = (wanted - 0.5).abs() > 1e-4
    assert np.array_equal(pasted[clear.numpy()], (wanted >= 0.5).numpy()[clear.numpy()])


def test_by_hand() -> None:
    mask = np.zeros((2, 2), np.float32)
    mask[0, 1] = 1  # the right upper quarter
    pasted = to_array(paste_mask(mask, np.array([10, 20, 30, 40], np.float32), WIDTH, HEIGHT))
    # At (29.5, 25.5) the mask's pixel has the weights 0.55 and 0.95, in the corner 0.55 twice.
    assert pasted[25, 25] and pasted[25, 29] and not pasted[20, 29]
    assert not pasted[25, 15] and not pasted[35, 25]
    assert not pasted[:20].any() and not pasted[:, 30:].any()


def test_boxes_without_area_have_no_mask() -> None:
    mask = np.ones((28, 28), np.float32)
    for box in ((10, 10, 10, 20), (200, 10, 220, 20), (-20, 0, -10, 10)):
        pasted = to_array(paste_mask(mask, np.array(box, np.float32), WIDTH, HEIGHT))
        assert not pasted.any()
