"""Weights of detectors in every layout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from zoo.detection.config import DetectorOptions
from zoo.detection.loading import load_detector
from zoo.errors import InputError

NAME = "fbnetv3_a_dsmask_c4"
SMALL = (64, 64)
OPTIONS = DetectorOptions(classes=4, post_nms=5)

# Ours to d2go's, written down by itself; d2go numbers the blocks of a head's only stage 0_0, 0_1.
_TO_D2GO = (
    (r"^trunk\.(\d)\.(\d+)\.", r"backbone.BODY.trunk\1.fbnetv2_\1_\2."),
    (r"^rpn\.blocks\.(\d)\.", r"proposal_generator.rpn_head.rpn_feature.0.fbnetv2_0_\1."),
    (r"^rpn\.objectness\.", "proposal_generator.rpn_head.rpn_regressor.cls_logits."),
    (r"^rpn\.deltas\.", "proposal_generator.rpn_head.rpn_regressor.bbox_pred."),
    (r"^box_head\.blocks\.(\d+)\.", r"roi_heads.box_head.roi_box_conv.0.fbnetv2_0_\1."),
    (r"^box_head\.scores\.", "roi_heads.box_predictor.cls_score."),
    (r"^box_head\.deltas\.", "roi_heads.box_predictor.bbox_pred."),
    (r"^mask_head\.blocks\.(\d+)\.", r"roi_heads.mask_head.feature_extractor.0.fbnetv2_0_\1."),
    (r"^mask_head\.masks\.", "roi_heads.mask_head.predictor.mask_fcn_logits."),
    (r"^pyramid\.(lateral|output)\.(\d)\.conv\.", r"backbone.fpn_\1<\2>."),
    (r"^pyramid\.(lateral|output)\.(\d)\.norm\.", r"backbone.fpn_\1<\2>.norm."),
    (r"expand\.conv\.", "pw.conv."),
    (r"expand\.norm\.", "pw.bn."),
    (r"depthwise\.", "dw.conv."),
    (r"squeeze\.reduce\.", "se.se.0.conv."),
    (r"squeeze\.expand\.", "se.se.1."),
    (r"project\.conv\.", "pwl.conv."),
    (r"project\.norm\.", "pwl.bn."),
    (r"(fbnetv2_0_0)\.norm\.", r"\1.bn."),
)


def _d2go_name(name: str, body: str) -> str:
    for pattern, theirs in _TO_D2GO:
        name = re.sub(pattern, theirs, name)
    name = re.sub(r"<(\d)>", lambda found: str(int(found[1]) + 2), name)
    return name.replace("BODY", body)


@pytest.mark.parametrize("name", ["fbnetv3_a_c4_mask", "fbnetv3_g_fpn_mask"])
def test_d2gos_checkpoints(name: str, tmp_path: Path) -> None:
    original = load_detector(name, options=OPTIONS, size=SMALL).module
    body = "bottom_up" if "fpn" in name else "body"
    theirs = {_d2go_name(key, body): value for key, value in original.state_dict().items()}
    stem = "backbone.BODY.trunk0.fbnetv2_0_0.conv.weight".replace("BODY", body)
    theirs |= {
        "pixel_mean": torch.zeros(3, 1, 1),
        "proposal_generator.anchor_generator.cell_anchors.0": torch.zeros(15, 4),
    }
    file = tmp_path / "model_final.pth"
    torch.save({"model": theirs, "iteration": 7}, file)
    loaded = load_detector(name, file, options=OPTIONS, size=SMALL)
    assert loaded.layout == "d2go"
    state = loaded.module.state_dict()
    for key, value in original.state_dict().items():
        if key != "trunk.0.0.conv.weight":
            assert torch.equal(state[key], value), key
    # The same photo as d2go takes it, BGR in 0..255 minus its mean, and as we do.
    photo = torch.rand(1, 3, 16, 16)
    means, deviations = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    ours = (photo - means[:, None, None]) / deviations[:, None, None]
    bgr = photo.flip(1) * 255 - torch.tensor([103.53, 116.28, 123.675])[:, None, None]
    convolve = torch.nn.functional.conv2d
    torch.testing.assert_close(
        convolve(ours, state["trunk.0.0.conv.weight"], padding=1),
        convolve(bgr, theirs[stem], padding=1),
        atol=2e-3,
        rtol=1e-4,
    )


def test_our_own_names(tmp_path: Path) -> None:
    original = load_detector(NAME, options=OPTIONS, size=SMALL, seed=3).module
    file = tmp_path / "own.safetensors"
    save_file(original.state_dict(), file)
    loaded = load_detector(NAME, file, size=SMALL)
    assert loaded.layout == "own" and loaded.module.options.classes == 4
    state = loaded.module.state_dict()
    assert all(torch.equal(state[key], value) for key, value in original.state_dict().items())


def test_random_weights_are_of_their_seed() -> None:
    first, again, other = (
        load_detector(NAME, options=OPTIONS, size=SMALL, seed=seed).module.box_head.scores.weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_trained_half(shared: Path, tmp_path: Path) -> None:
    file = shared / "weights" / "fbnetv3_a_dsmask_c4.coco_boxes.safetensors"
    loaded = load_detector(NAME, file)
    assert loaded.layout == "halves"
    assert loaded.module.options.norm == "folded" and loaded.module.options.classes == 80
    stored, state = load_file(file), loaded.module.state_dict()
    assert torch.equal(state["trunk.3.7.expand.conv.weight"], stored["a1.trunk.14.pw.weight"])
    assert torch.equal(state["rpn.blocks.2.depthwise.weight"], stored["a1.rpn.2.dw.weight"])
    assert torch.equal(state["box_head.blocks.3.project.conv.bias"], stored["a2.conv.3.pwl.bias"])
    with pytest.raises(InputError, match="mask_head"):
        load_detector(f"{NAME}_mask", file)
    moved = tmp_path / "moved.safetensors"
    save_file(stored | {"anchors": stored["anchors"] * 2}, moved)
    with pytest.raises(InputError, match=r"moved\.safetensors: its anchors"):
        load_detector(NAME, moved)


def test_files_that_are_no_detectors(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"classifier.weight": torch.zeros(3)}, file)
    with pytest.raises(InputError, match="holds no detector's weights"):
        load_detector(NAME, file)
    with pytest.raises(InputError, match="no such detector"):
        load_detector("fbnetv3_z_c4")
    original = load_detector(NAME, options=OPTIONS, size=SMALL).module.state_dict()
    save_file({key: value for key, value in original.items() if "rpn" not in key}, file)
    with pytest.raises(InputError, match="missing"):
        load_detector(NAME, file)
