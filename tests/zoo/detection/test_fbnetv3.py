"""FBNetV3 detectors: sizes, what every option does, and what is fixed."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from zoo.detection.config import DetectorOptions, detector_tables
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.detection.rules import DetectionRule
from zoo.detection.training.assignment import label_anchors
from zoo.errors import InputError

SMALL = (96, 128)
DSMASK = detector_tables()["fbnetv3_a_dsmask_c4"]
FEW = DetectorOptions(classes=5, pre_nms=60, post_nms=10, rule=DetectionRule(candidates=20, most=8))


def _detector(
    name: str = "fbnetv3_a_dsmask_c4", size: tuple[int, int] = SMALL, **changes: object
) -> FBNetV3Detector:
    torch.manual_seed(0)
    options = dataclasses.replace(FEW, **changes)  # type: ignore[arg-type]
    return FBNetV3Detector(detector_tables()[name], options, size).eval()


@torch.no_grad()
def _run(detector: FBNetV3Detector, batch: int = 1) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    found: tuple[torch.Tensor, ...] = detector(
        torch.randn(batch, 3, detector.height, detector.width, generator=generator)
    )
    return found


@pytest.mark.parametrize("name", list(detector_tables()))
def test_every_detector_gives_boxes_and_masks(name: str) -> None:
    detector = _detector(name, masks=True)
    boxes, scores, labels, masks = _run(detector, 2)
    assert detector.output_names == ("boxes", "scores", "labels", "masks")
    assert boxes.shape == (2, 8, 4) and scores.shape == labels.shape == (2, 8)
    assert masks.shape == (2, 8, 28, 28)
    assert ((boxes >= 0) & (boxes <= torch.tensor([128.0, 96, 128, 96]))).all()
    assert ((masks >= 0) & (masks <= 1)).all() and ((scores >= 0) & (scores <= 1)).all()
    assert set(labels.unique().tolist()) <= set(range(5))


@pytest.mark.parametrize(
    ("name", "masks", "parameters"),
    # Counted by hand from d2go's table: the file recovered from Meta's 8-bit model holds 1,742,200
    # values, 60 of them anchors; the depthwise convolutions' biases there are zeros it lacks.
    [("fbnetv3_a_dsmask_c4", False, 1_742_140)],
)
def test_parameters_are_those_published(name: str, masks: bool, parameters: int) -> None:
    options = DetectorOptions(masks=masks, norm="folded")
    with torch.device("meta"):
        detector = FBNetV3Detector(detector_tables()[name], options)
    assert sum(parameter.numel() for parameter in detector.parameters()) == parameters


def test_detectors_share_the_published_trunk() -> None:
    with torch.device("meta"):
        detectors = {
            name: FBNetV3Detector(table, DetectorOptions())
            for name, table in detector_tables().items()
        }
    found = {name: (d.strides, d.channels) for name, d in detectors.items()}
    assert found == {
        "fbnetv3_a_c4": ([16], 112),
        "fbnetv3_a_dsmask_c4": ([16], 112),
        "fbnetv3_g_fpn": ([4, 8, 16, 32, 64], 128),
    }
    gates = [m for m in detectors["fbnetv3_a_c4"].modules() if type(m).__name__ == "SigmoidGate"]
    assert len(gates) == 4 + 6 + 5 + 6  # stride 8, stride 16, proposals, boxes
    assert not [m for m in detectors["fbnetv3_a_dsmask_c4"].modules() if "Gate" in str(type(m))]


def test_box_pooler_resolution() -> None:
    seen: list[tuple[int, ...]] = []
    for resolution in (6, 8):
        detector = _detector(box_pooler_resolution=resolution)
        detector.box_head.register_forward_pre_hook(lambda _, x: seen.append(tuple(x[0].shape)))
        _run(detector)
    assert seen == [(10, 112, 6, 6), (10, 112, 8, 8)]


def test_mask_pooler_resolution() -> None:
    sides = [
        _run(_detector(masks=True, mask_pooler_resolution=side))[3].shape[-1] for side in (14, 20)
    ]
    assert sides == [28, 40]


def test_proposals_in_front_of_and_behind_suppression() -> None:
    counts = []
    for pre, post in ((60, 10), (60, 20), (5, 20)):
        detector = _detector(pre_nms=pre, post_nms=post)
        with torch.no_grad():
            levels = detector.levels(torch.randn(1, 3, *SMALL))
            counts.append(detector.proposals(levels)[0].shape[1])
    assert counts == [10, 20, 5]
    assert _detector(pre_nms=None, post_nms=None).proposal_rule.before == 1000
    assert _detector(pre_nms=None, post_nms=None).proposal_rule.after == 30


def test_detection_rule() -> None:
    assert _run(_detector(rule=DetectionRule(lowest=0.99)))[1].max() == 0
    assert _run(_detector(rule=DetectionRule(lowest=0.0, most=5)))[1].shape == (1, 5)


def test_classes() -> None:
    detector = _detector(classes=3, outputs="candidates")
    boxes, scores = _run(detector)
    assert detector.output_names == ("boxes", "scores")
    assert boxes.shape == (1, 10, 3, 4) and scores.shape == (1, 10, 3)


def test_iou_thresholds_decide_which_anchors_are_examples() -> None:
    truth = torch.tensor([[0.0, 0, 100, 100]])
    # Of intersection over union 0.2, 0.5, 0.8 and 1.
    anchors = torch.tensor([[0.0, 0, 20, 100], [0, 0, 50, 100], [0, 0, 80, 100], [0, 0, 100, 100]])
    assert label_anchors(truth, anchors, (0.3, 0.7)).tolist() == [0, -1, 1, 1]
    assert label_anchors(truth, anchors, (0.55, 0.7)).tolist() == [0, 0, 1, 1]
    assert label_anchors(truth, anchors, (0.1, 0.45)).tolist() == [-1, 1, 1, 1]
    # The best anchor of an object is an example however little they overlap.
    assert label_anchors(truth, anchors[:1], (0.3, 0.7)).tolist() == [1]
    assert label_anchors(truth[:0], anchors, (0.3, 0.7)).tolist() == [0, 0, 0, 0]


def test_frozen_stages_stay_as_they_are() -> None:
    detector = _detector(frozen_stages=2, norm="BN").train()
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in detector.parameters() if p.requires_grad], lr=0.1)
    detector.levels(torch.randn(2, 3, *SMALL))[0].square().mean().backward()
    optimizer.step()
    changed = {
        name.split(".")[1]
        for name, value in detector.state_dict().items()
        if name.startswith("trunk.") and not torch.equal(value, before[name])
    }
    assert changed == {"2", "3"}


@pytest.mark.parametrize(
    ("norm", "kind", "operator"),
    [
        ("BN", nn.BatchNorm2d, "batch_norm"),
        ("SyncBN", nn.SyncBatchNorm, "batch_norm"),
        ("naiveSyncBN", nn.BatchNorm2d, "batch_norm"),
        ("GN", nn.GroupNorm, "group_norm"),
        ("folded", None, None),
    ],
)
def test_norms_and_what_they_are_in_a_graph(
    norm: str, kind: type[nn.Module] | None, operator: str | None
) -> None:
    stage = _detector(norm=norm).trunk[0]
    norms = [m for m in stage.modules() if kind and isinstance(m, kind)]
    assert len(norms) == (2 if kind else 0)  # the stem's and the projection's
    graph = torch.export.export(stage, (torch.randn(1, 3, 32, 32),)).graph
    called = [str(node.target) for node in graph.nodes if node.op == "call_function"]
    calls = [name for name in called if "norm" in name]
    assert len(calls) == (2 if operator else 0)
    assert all(operator in call for call in calls if operator)


def test_a_detector_can_be_exported_with_plain_operators() -> None:
    detector = _detector(masks=True)
    program = torch.export.export(detector, (torch.randn(1, 3, *SMALL),))
    targets = {node.target for node in program.graph.nodes if node.op == "call_function"}
    assert all(str(target).startswith(("aten.", "<built-in")) for target in targets), targets
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 3, *SMALL, generator=generator)
    for ours, exported in zip(_run(detector), program.module()(x), strict=True):
        torch.testing.assert_close(exported, ours)


@pytest.mark.parametrize(
    ("changes", "size", "said"),
    [
        ({"classes": 0}, SMALL, "classes 0"),
        ({"box_pooler_resolution": 0}, SMALL, "box_pooler_resolution 0"),
        ({"iou_thresholds": (0.7, 0.3)}, SMALL, "0.7 and 0.3"),
        ({"frozen_stages": 5}, SMALL, "outside 0..4"),
        ({"post_nms": -1}, SMALL, "post_nms -1"),
        ({"masks": True, "mask_pooler_resolution": 13}, SMALL, "odd"),
        ({"masks": True, "outputs": "candidates"}, SMALL, "masks"),
        ({}, (8, 128), "below 16"),
    ],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, object], size: tuple[int, int], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        _detector(size=size, **changes)


def test_a_pyramid_needs_whole_steps() -> None:
    with pytest.raises(InputError, match="multiple of 32"):
        _detector("fbnetv3_g_fpn", (96, 112))
