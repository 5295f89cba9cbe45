"""Suppression by sweeps against torchvision's operators."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import batched_nms, nms

from tests.zoo.detection.boxes_of import clustered_boxes
from zoo.detection.rules import SWEEPS
from zoo.detection.suppression import kept, longest_chain

CASES = 60


def _case(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Boxes and scores, the best first."""
    generator = torch.Generator().manual_seed(1000 + seed)
    scores = torch.rand(count, generator=generator).sort(descending=True).values
    return clustered_boxes(count, seed, clusters=5 + seed % 40), scores


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_the_same_boxes_are_kept(threshold: float) -> None:
    for seed in range(CASES):
        boxes, scores = _case(seed, 100 if seed % 10 else 400)
        keep = kept(boxes[None], torch.ones(1, len(boxes)), threshold)[0]
        wanted = nms(boxes, scores, threshold).sort().values
        assert torch.equal(keep.nonzero().flatten(), wanted), seed


def test_only_boxes_of_one_group_suppress_each_other() -> None:
    for seed in range(CASES // 3):
        boxes, scores = _case(seed, 100)
        groups = torch.randint(5, (100,), generator=torch.Generator().manual_seed(seed))
        keep = kept(boxes[None], torch.ones(1, 100), 0.5, groups[None].float())[0]
        wanted = batched_nms(boxes, scores, groups, 0.5).sort().values
        assert torch.equal(keep.nonzero().flatten(), wanted), seed


def test_each_picture_of_a_batch_is_by_itself() -> None:
    boxes = torch.stack([_case(seed, 80)[0] for seed in range(4)])
    alone = [kept(one[None], torch.ones(1, 80), 0.5)[0] for one in boxes]
    assert torch.equal(kept(boxes, torch.ones(4, 80), 0.5), torch.stack(alone))


def test_what_is_absent_is_not_kept_and_suppresses_nothing() -> None:
    boxes = torch.tensor([[[0.0, 0, 10, 10], [0, 0, 10, 9], [0, 0, 10, 8]]])
    assert kept(boxes, torch.tensor([[1.0, 1, 1]]), 0.5).tolist() == [[1, 0, 0]]
    assert kept(boxes, torch.tensor([[0.0, 1, 1]]), 0.5).tolist() == [[0, 1, 0]]


def test_a_chain_takes_as_many_sweeps_as_it_is_long() -> None:
    # Each overlaps the next by a half: the greedy algorithm keeps every second one.
    places = torch.arange(9.0)
    zero = torch.zeros(9)
    chain = torch.stack((places, zero, places + 3, zero + 1), dim=1)[None]
    present = torch.ones(1, 9)
    every_second = [[1, 0, 1, 0, 1, 0, 1, 0, 1]]
    assert longest_chain(chain, 0.4) == 8
    assert kept(chain, present, 0.4, sweeps=8).tolist() == every_second
    assert kept(chain, present, 0.4, sweeps=7).tolist() != every_second
    assert SWEEPS > 8
