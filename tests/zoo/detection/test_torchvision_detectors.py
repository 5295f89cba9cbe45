"""torchvision's detectors in fixed shapes against torchvision's own, with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.detection.image_list import ImageList

from zoo.detection.faster_rcnn import FixedFasterRCNN
from zoo.detection.ssdlite import FixedSSD
from zoo.detection.torchvision_detectors import (
    DETECTORS,
    build_torchvision,
    in_fixed_shapes,
    load_torchvision,
)
from zoo.errors import InputError
from zoo.networks import InputOverrides, load_network

SSD = "ssdlite320_mobilenet_v3_large"
FASTER = "fasterrcnn_mobilenet_v3_large_320_fpn"
SIZE = (192, 256)


def _photo(size: tuple[int, int], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 3, 6, 8, generator=generator)
    fine = torch.randn(1, 3, *size, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear") + 0.3 * fine


def _liven(model: Any) -> Any:
    """Random weights find nothing: let predictions differ as trained ones' do."""
    generator = torch.Generator().manual_seed(5)
    model.train()
    with torch.no_grad():
        for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.momentum = None
        size = SIZE if hasattr(model, "rpn") else (320, 320)
        model.backbone(torch.cat([_photo(size, seed) for seed in range(4)]))
        model.eval()
        for name, weight in model.named_parameters():
            if "cls_logits" in name or "cls_score" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.5)
            elif "bbox_pred" in name:
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.05)
    return model


@torch.no_grad()
def _torchvisions(model: Any, x: Tensor) -> dict[str, Tensor]:
    images = ImageList(x, [tuple(x.shape[-2:])])
    maps = model.backbone(x)
    if hasattr(model, "rpn"):
        proposals, _ = model.rpn(images, maps)
        found, _ = model.roi_heads(maps, proposals, images.image_sizes)
    else:
        levels = list(maps.values())
        anchors = model.anchor_generator(images, levels)
        found = model.postprocess_detections(model.head(levels), anchors, images.image_sizes)
    result: dict[str, Tensor] = found[0]
    return result


def _same(wanted: dict[str, Tensor], found: tuple[Tensor, ...], least: int) -> None:
    boxes, scores, labels = (part[0] for part in found)
    count = len(wanted["scores"])
    assert count >= least
    assert not scores[count:].any()
    torch.testing.assert_close(scores[:count], wanted["scores"], atol=1e-5, rtol=1e-4)
    assert torch.equal(labels[:count].long() + 1, wanted["labels"])
    torch.testing.assert_close(boxes[:count], wanted["boxes"], atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize("thresholds", ["tuned", "untuned"])
@torch.no_grad()
def test_faster_rcnn_finds_what_torchvisions_finds(thresholds: Any) -> None:
    model = _liven(build_torchvision(FASTER, 7, thresholds))
    ours = FixedFasterRCNN(model, SIZE, 2000).eval()
    assert (ours.proposal_rule.before, ours.proposal_rule.after, ours.proposal_rule.lowest) == {
        "tuned": (150, 150, 0.05),
        "untuned": (1000, 1000, 0.0),
    }[thresholds]
    for seed in range(3):
        x = _photo(SIZE, 10 + seed)
        _same(_torchvisions(model, x), ours(x), 5)


@torch.no_grad()
def test_ssdlite_finds_what_torchvisions_finds() -> None:
    model = _liven(build_torchvision(SSD, 5))
    model.score_thresh = 0.2
    ours = FixedSSD(model, 2000).eval()
    for seed in range(2):
        x = _photo((320, 320), 20 + seed)
        _same(_torchvisions(model, x), ours(x), 20)
    maps = FixedSSD(model, 2000, "maps").eval()
    raw = dict(zip(maps.output_names, maps(x), strict=True))
    assert raw["scores0"].shape == (1, 6 * 5, 20, 20) and raw["deltas5"].shape == (1, 6 * 4, 1, 1)
    head = model.head(list(model.backbone(x).values()))["cls_logits"]
    first = raw["scores0"].permute(0, 2, 3, 1).reshape(1, -1, 5)
    torch.testing.assert_close(head[:, : first.shape[1]], first)


@pytest.mark.parametrize("name", DETECTORS)
def test_parameters_are_those_published(name: str) -> None:
    model = build_torchvision(name)
    count = sum(parameter.numel() for parameter in model.parameters())
    if name != SSD:  # its trained weights have them frozen, which is not counted
        norms = [m for m in model.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        count -= sum(norm.weight.numel() + norm.bias.numel() for norm in norms)
    assert count == DETECTORS[name].parameters
    assert f"{count / 1e6:.2f}" == ("3.44" if name == SSD else "19.39")


def test_weights_and_what_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.pth"
    torch.save(build_torchvision(SSD, 4, seed=3).state_dict(), file)
    loaded = load_torchvision(SSD, file, classes=4)
    assert loaded.output_names == ("boxes", "scores", "labels")
    assert torch.equal(
        loaded.state_dict()["class_heads.0.1.weight"],
        build_torchvision(SSD, 4, seed=3).head.classification_head.module_list[0][1].weight,
    )
    with pytest.raises(InputError, match="no such detector"):
        load_torchvision("retinanet")
    with pytest.raises(InputError, match="no proposals"):
        load_torchvision(SSD, thresholds="untuned")
    with pytest.raises(InputError, match="320x320"):
        load_torchvision(SSD, size=(300, 300))
    with pytest.raises(InputError, match="two stages"):
        load_torchvision(FASTER, outputs="maps", classes=4, size=SIZE)
    with pytest.raises(InputError, match="does not fit"):
        load_torchvision(SSD, file, classes=6)


@pytest.mark.parametrize("name", [SSD, FASTER])
def test_a_detector_by_name_with_torchvisions_weights(name: str, tmp_path: Path) -> None:
    model = build_torchvision(name, classes=4, seed=3)
    path = tmp_path / "torchvisions.pth"
    torch.save(model.state_dict(), path)
    size = 320 if name == SSD else 64
    overrides = InputOverrides(size=size)
    network = load_network(name, path, num_classes=3, overrides=overrides)
    assert (network.task, network.num_classes, network.labels) == ("detection", 3, ("0", "1", "2"))
    spec = network.input_spec
    assert (spec.height, spec.crop_mode) == (size, "squash" if name == SSD else "letterbox")
    theirs = in_fixed_shapes(name, model, size=(size, size))
    x = _photo((size, size), 2)
    with torch.no_grad():
        for ours, expected in zip(network.module(x), theirs(x), strict=True):
            assert torch.equal(ours, expected)


def test_classes_of_the_published_weights() -> None:
    labels = load_network(SSD).labels
    assert len(labels) == 90 and labels[:2] == ("person", "bicycle") and labels[11] == "N/A"
