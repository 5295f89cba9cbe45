"""The losses of detectors against torchvision's, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.roi_heads import fastrcnn_loss
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops import box_iou

from zoo.detection.anchors import cell_anchors, grid_anchors
from zoo.detection.boxes import encode_boxes
from zoo.detection.roi_align import Pooling, roi_align, roi_align_levels
from zoo.detection.training.assignment import assign
from zoo.detection.training.masks import mask_goals, mask_loss
from zoo.detection.training.pooling import pool
from zoo.detection.training.proposals import Flat, proposal_losses, trained_proposals
from zoo.detection.training.regions import Regions, choose_regions, region_losses
from zoo.detection.training.sampling import Sampling, sample
from zoo.detection.training.truth import Truth

SIDE, STRIDE, CELLS = 64, 8, 8
EVERY = Sampling(100_000, 1.0)
WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def _random_boxes(count: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=random) * 40
    return torch.cat((corner, corner + 4 + torch.rand(count, 2, generator=random) * 20), 1)


def _truths() -> list[Truth]:
    return [
        Truth(_random_boxes(3, 1), torch.tensor([0, 2, 1])),
        Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)),
        Truth(_random_boxes(1, 2), torch.tensor([1])),
    ]


def _flat() -> Flat:
    random = torch.Generator().manual_seed(3)
    anchors = grid_anchors(cell_anchors((12, 24), (0.5, 1, 2)), CELLS, CELLS, float(STRIDE))
    objectness = torch.randn(3, 6, CELLS, CELLS, generator=random)
    deltas = torch.randn(3, 24, CELLS, CELLS, generator=random) * 0.2
    return Flat.of([objectness], [deltas], [anchors])


def test_proposal_losses_are_torchvisions() -> None:
    flat, truths = _flat(), _truths()
    random = torch.Generator().manual_seed(0)
    found = proposal_losses(flat, truths, (0.3, 0.7), EVERY, random)

    theirs = RegionProposalNetwork(
        AnchorGenerator(),
        RPNHead(1, 1),
        0.7,
        0.3,
        100_000,
        1.0,
        {},
        {},
        0.7,  # type: ignore[arg-type]
    )
    anchors = [flat.anchors] * 3
    targets = [{"boxes": truth.boxes} for truth in truths]
    labels, matched = theirs.assign_targets_to_anchors(anchors, targets)
    regression = theirs.box_coder.encode(matched, anchors)
    wanted = theirs.compute_loss(
        flat.logits.reshape(-1, 1), flat.deltas.reshape(-1, 4), labels, list(regression)
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)
    assert all(float(value) > 0 for value in found)


@pytest.mark.parametrize("thresholds", [(0.3, 0.7), (0.2, 0.4)])
def test_assignment_is_torchvisions(thresholds: tuple[float, float]) -> None:
    truth, boxes = _random_boxes(5, 4), _random_boxes(400, 5)
    matcher = Matcher(thresholds[1], thresholds[0], allow_low_quality_matches=True)
    matches = matcher(box_iou(truth, boxes))
    found = assign(truth, boxes, thresholds, best_too=True)
    assert torch.equal(found.kind > 0, matches >= 0)
    assert torch.equal(found.kind == 0, matches == Matcher.BELOW_LOW_THRESHOLD)
    assert torch.equal(found.objects[matches >= 0], matches[matches >= 0])


def test_samples_are_balanced_and_drawn() -> None:
    kind = torch.tensor([1.0] * 30 + [0.0] * 50 + [-1.0] * 20)
    random = torch.Generator().manual_seed(0)
    objects, others = sample(kind, Sampling(40, 0.25), random)
    assert len(objects) == 10 and len(others) == 30
    assert int(objects.max()) < 30 <= int(others.min()) and int(others.max()) < 80
    assert len(set(objects.tolist())) == 10
    again, _ = sample(kind, Sampling(40, 0.25), random)
    assert again.tolist() != objects.tolist()
    few, rest = sample(kind[28:], Sampling(40, 0.25), random)
    assert len(few) == 2 and len(rest) == 38  # background makes up the number


def test_region_losses_are_torchvisions() -> None:
    random = torch.Generator().manual_seed(0)
    truth = _truths()[0]
    regions = [
        choose_regions(truth.boxes + 1.5, truth, 0.5, Sampling(8, 0.5), random),
        choose_regions(_random_boxes(6, 6), _truths()[1], 0.5, Sampling(8, 0.5), random),
    ]
    count = sum(len(part.boxes) for part in regions)
    logits = torch.randn(count, 4, generator=random)
    deltas = torch.randn(count, 3, 4, generator=random)
    classes, boxes = region_losses(logits, deltas, regions, WEIGHTS)

    labels, goals = [], []
    coder = BoxCoder(WEIGHTS)
    for part in regions:
        label = torch.zeros(len(part.boxes), dtype=torch.int64)
        label[: len(part.labels)] = part.labels + 1  # theirs have the background first
        goal = torch.zeros(len(part.boxes), 4)
        goal[: len(part.labels)] = coder.encode([part.goals], [part.boxes[: len(part.labels)]])[0]
        labels.append(label)
        goals.append(goal)
    wanted = fastrcnn_loss(
        logits.roll(1, 1), torch.nn.functional.pad(deltas.flatten(1), (4, 0)), labels, goals
    )
    torch.testing.assert_close((classes, boxes), wanted)
    assert len(regions[0].labels) == 4 and not len(regions[1].labels)


def test_an_objects_own_box_is_an_example() -> None:
    truth = _truths()[0]
    random = torch.Generator().manual_seed(0)
    nothing = torch.zeros(0, 4)
    regions = choose_regions(nothing, truth, 0.5, Sampling(8, 1.0), random)
    order = regions.objects
    assert sorted(order.tolist()) == [0, 1, 2]
    assert torch.equal(regions.boxes, truth.boxes[order])
    assert torch.equal(regions.labels, truth.labels[order])
    moves = encode_boxes(regions.goals, regions.boxes, WEIGHTS)
    torch.testing.assert_close(moves, torch.zeros(3, 4), rtol=0, atol=1e-5)


def test_masks_are_cut_at_boxes_and_compared_pixel_by_pixel() -> None:
    masks = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    masks[0, 8:16, 8:24] = True  # the upper half of the box below
    boxes = torch.tensor([[8.0, 8, 24, 24], [8, 8, 24, 24]])
    goals = mask_goals(masks, torch.tensor([0, 1]), boxes, 4)
    assert goals[0].tolist() == [[1] * 4, [1] * 4, [0] * 4, [0] * 4]
    assert not goals[1].any()
    logits = torch.full((2, 3, 4, 4), 9.0)
    logits[0, 2] = 0.0
    logits[1, 1] = math.log(3)  # a probability of 3/4 where there is nothing
    loss = mask_loss(logits, torch.tensor([2, 1]), goals)
    assert float(loss) == pytest.approx((math.log(2) + math.log(4)) / 2)
    nothing = mask_loss(logits[:0], torch.zeros(0, dtype=torch.int64), goals[:0])
    assert float(nothing) == 0


@pytest.mark.parametrize(("levels", "side"), [(1, 512), (3, 512), (1, 256)])
def test_boxes_are_pooled_as_at_inference(levels: int, side: int) -> None:
    torch.manual_seed(0)
    strides = [8, 16, 32][:levels]
    maps = [torch.randn(2, 3, side // stride, side // stride) for stride in strides]
    corner = torch.rand(2, 12, 2) * 200
    boxes = torch.cat((corner, corner + 8 + torch.rand(2, 12, 2) * 300), 2).clamp(max=side)
    found = pool(maps, [boxes[0], boxes[1, :5]], strides, Pooling(5))
    scales = [1 / stride for stride in strides]
    if levels == 1:
        wanted = roi_align(maps[0], boxes, scales[0], Pooling(5))
    else:
        wanted = roi_align_levels(maps, boxes, scales, Pooling(5), 0.0)
    wanted = wanted[: boxes.shape[1] + 5]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_proposals_are_clipped_suppressed_and_few() -> None:
    found = trained_proposals(_flat(), (SIDE, SIDE), 100, 20, 0.5)
    assert [len(boxes) for boxes in found] == [20] * 3
    for boxes in found:
        assert float(boxes.min()) >= 0 and float(boxes.max()) <= SIDE
        overlaps = box_iou(boxes, boxes) - torch.eye(20)
        assert float(overlaps.max()) <= 0.5


def test_regions_of_a_picture_without_objects_are_background() -> None:
    empty = _truths()[1]
    random = torch.Generator().manual_seed(0)
    regions = choose_regions(_random_boxes(9, 7), empty, 0.5, Sampling(4, 0.5), random)
    assert isinstance(regions, Regions) and len(regions.boxes) == 4 and not len(regions.labels)
