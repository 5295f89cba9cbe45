"""ROI align as matrix products against torchvision's operators."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops import roi_align as torchvision_roi_align

from tests.zoo.detection.boxes_of import clustered_boxes
from zoo.detection.roi_align import Pooling, roi_align, roi_align_levels


def _maps(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sampling", [0, 1, 2, 3])
@pytest.mark.parametrize("aligned", [True, False])
def test_pooling_is_torchvisions(sampling: int, aligned: bool) -> None:
    features = _maps(2, 8, 20, 24)
    boxes = torch.stack((clustered_boxes(40, 1), clustered_boxes(40, 2)))
    boxes[0, :2] = torch.tensor([[0.0, 0, 320, 320], [30, 40, 30, 90]])  # everything; no area
    pooling = Pooling(6, sampling, aligned)
    wanted = torchvision_roi_align(features, list(boxes), 6, 1 / 16, sampling, aligned)
    torch.testing.assert_close(
        roi_align(features, boxes, 1 / 16, pooling), wanted, atol=1e-5, rtol=1e-5
    )


def test_bins_larger_than_the_map_have_cells() -> None:
    features, boxes = _maps(1, 3, 4, 4), clustered_boxes(10, 3)[None] / 5
    wanted = torchvision_roi_align(features, list(boxes), 14, 1 / 16, 0, True)
    torch.testing.assert_close(roi_align(features, boxes, 1 / 16, Pooling(14)), wanted)


def test_boxes_are_pooled_from_the_level_of_their_size() -> None:
    levels = [_maps(1, 4, 320 // stride, 320 // stride) for stride in (8, 16, 32)]
    boxes = clustered_boxes(200, 4) * torch.rand(200, 1)
    # Sizes at which the level changes: half and once the canonical one.
    boxes[:4] = torch.tensor(
        [[0.0, 0, 112, 112], [0, 0, 111.9, 112], [0, 0, 224, 224], [0, 0, 9, 9]]
    )
    oracle = MultiScaleRoIAlign(["0", "1", "2"], 7, 2)
    named = OrderedDict((str(place), level) for place, level in enumerate(levels))
    wanted = oracle(named, [boxes], [(320, 320)])
    pooled = roi_align_levels(
        levels, boxes[None], [1 / 8, 1 / 16, 1 / 32], Pooling(7, 2, aligned=False), 1e-6
    )
    torch.testing.assert_close(pooled, wanted, atol=5e-5, rtol=1e-5)
