"""Proposals and detections against torchvision's operators in the order that detectron2 has."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops import batched_nms, clip_boxes_to_image, nms

from tests.zoo.detection.boxes_of import clustered_boxes
from zoo.detection import ABSENT
from zoo.detection.anchors import cell_anchors, grid_anchors
from zoo.detection.final import detect
from zoo.detection.proposals import ProposalRule, flatten_level, propose
from zoo.detection.rules import DetectionRule

SIZE = (320, 320)
ANCHORS = grid_anchors(cell_anchors((32, 64, 96, 128, 160), (0.5, 1.0, 2.0)), 20, 20, 16)


def _maps(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 15, 20, 20, generator=generator) * 3
    return logits, torch.randn(1, 60, 20, 20, generator=generator) * 0.3


def test_maps_are_read_in_the_order_of_anchors() -> None:
    logits, deltas = _maps(0)
    scores, coded = flatten_level(logits, deltas)
    row, column, anchor = 3, 7, 11
    place = (row * 20 + column) * 15 + anchor
    assert scores[0, place] == logits[0, anchor, row, column]
    assert torch.equal(coded[0, place], deltas[0, 4 * anchor : 4 * anchor + 4, row, column])


def test_the_same_boxes_are_proposed() -> None:
    for seed in range(20):
        logits, deltas = _maps(seed)
        rule = ProposalRule(300, 30)
        boxes, scores = propose([logits], [deltas], [ANCHORS], SIZE, rule)
        flat, coded = (values[0] for values in flatten_level(logits, deltas))
        decoded = clip_boxes_to_image(BoxCoder((1, 1, 1, 1)).decode_single(coded, ANCHORS), SIZE)
        best = flat.sort(descending=True).indices[:300]
        best = best[(decoded[best, 2:] > decoded[best, :2]).all(dim=1)]
        wanted = best[nms(decoded[best], flat[best], 0.7)[:30]]
        torch.testing.assert_close(boxes[0], decoded[wanted], atol=1e-3, rtol=0)
        assert torch.equal(scores[0], flat[wanted])


def test_levels_suppress_nothing_of_each_other_and_share_the_number() -> None:
    logits, deltas = _maps(1)
    coarse = grid_anchors(cell_anchors((160,) * 5, (0.5, 1.0, 2.0)), 20, 20, 16)
    both, scores = propose(
        [logits, logits], [deltas, deltas], [ANCHORS, coarse], SIZE, ProposalRule(300, 40)
    )
    fine, _ = propose([logits], [deltas], [ANCHORS], SIZE, ProposalRule(300, 40))
    rough, _ = propose([logits], [deltas], [coarse], SIZE, ProposalRule(300, 40))
    singles = {tuple(box) for box in torch.cat((fine, rough), dim=1)[0].tolist()}
    assert both.shape == (1, 40, 4) and {tuple(box) for box in both[0].tolist()} <= singles
    assert torch.equal(scores, scores.sort(descending=True).values)


def test_missing_proposals_are_absent() -> None:
    logits, deltas = _maps(2)
    _, scores = propose(
        [logits], [deltas * 0], [torch.zeros_like(ANCHORS)], SIZE, ProposalRule(300, 30)
    )
    assert (scores == ABSENT).all()  # boxes without area
    rule = ProposalRule(300, 30, lowest=0.9999)
    _, scores = propose([logits], [deltas], [ANCHORS], SIZE, rule)
    present = scores[scores > ABSENT]
    assert 0 < len(present) < 30 and (present.sigmoid() >= 0.9999).all()


def _scores(seed: int, classes: int, own: bool) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.softmax(torch.randn(1, 30, classes + 1, generator=generator) * 3, dim=-1)
    boxes = clustered_boxes(30 * (classes if own else 1), seed, clusters=6)
    return boxes.reshape(1, 30, -1, 4), probabilities[:, :, :-1]


def test_the_same_detections_are_made() -> None:
    for seed in range(20):
        own = bool(seed % 2)
        boxes, scores = _scores(seed, 8, own)
        found = detect(boxes, scores, DetectionRule(most=20))
        row, label = (scores[0] > 0.05).nonzero(as_tuple=True)
        candidates = boxes[0, row, label if own else 0]
        keep = batched_nms(candidates, scores[0, row, label], label, 0.5)[:20]
        count = len(keep)
        assert torch.equal(found.boxes[0, :count], candidates[keep])
        assert torch.equal(found.scores[0, :count], scores[0, row, label][keep])
        assert torch.equal(found.labels[0, :count].long(), label[keep])
        assert not found.scores[0, count:].any()


def test_fewer_candidates_and_small_boxes() -> None:
    boxes, scores = _scores(3, 8, False)
    few = detect(boxes, scores, DetectionRule(candidates=10, most=20))
    assert few.scores.shape == (1, 10)
    all_small = detect(boxes / 1000, scores, DetectionRule(smallest=1.0))
    assert not all_small.scores.any()
    strict = detect(boxes, scores, DetectionRule(lowest=0.5))
    assert ((strict.scores == 0) | (strict.scores > 0.5)).all()
