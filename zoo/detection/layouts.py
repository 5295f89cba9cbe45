"""Names of a detector's tensors in files, and what they mean there.

* ``own``: ``FBNetV3Detector.state_dict()``.
* ``d2go``: checkpoints of facebookresearch/d2go's ``coco`` trainings. Their pictures are BGR in
  0..255 minus a mean, so the first convolution's weights are turned and scaled.
* ``halves``: names ``a1.`` (trunk and proposals) and ``a2.`` (box head) with the normalization
  folded into the convolutions, RGB as ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from zoo.detection.anchors import cell_anchors
from zoo.detection.config import ASPECT_RATIOS, DetectorTable
from zoo.errors import InputError
from zoo.input_spec import IMAGENET_STD

DetectorLayout = Literal["own", "d2go", "halves"]

State = dict[str, Tensor]

_STEM = "trunk.0.0.conv.weight"
# Ends of names in a block: d2go's and ours.
_IN_BLOCK = (
    ("pw.conv.", "expand.conv."),
    ("pw.bn.", "expand.norm."),
    ("dw.conv.", "depthwise."),
    ("se.se.0.conv.", "squeeze.reduce."),
    ("se.se.1.", "squeeze.expand."),
    ("pwl.conv.", "project.conv."),
    ("pwl.bn.", "project.norm."),
    ("conv.", "conv."),
    ("bn.", "norm."),
)
_D2GO_STAGES = (
    (re.compile(r"backbone\.(?:body|bottom_up)\.trunk(\d+)\.fbnetv2_\d+_(\d+)\.(.+)"), "trunk"),
    (
        re.compile(r"proposal_generator\.rpn_head\.rpn_feature\.()0\.fbnetv2_0_(\d+)\.(.+)"),
        "rpn.blocks",
    ),
    (
        re.compile(r"roi_heads\.box_head\.roi_box_conv\.()0\.fbnetv2_0_(\d+)\.(.+)"),
        "box_head.blocks",
    ),
    (
        re.compile(r"roi_heads\.mask_head\.feature_extractor\.()0\.fbnetv2_0_(\d+)\.(.+)"),
        "mask_head.blocks",
    ),
)
_D2GO_LAYERS = {
    "proposal_generator.rpn_head.rpn_regressor.cls_logits": "rpn.objectness",
    "proposal_generator.rpn_head.rpn_regressor.bbox_pred": "rpn.deltas",
    "roi_heads.box_predictor.cls_score": "box_head.scores",
    "roi_heads.box_predictor.bbox_pred": "box_head.deltas",
    "roi_heads.mask_head.predictor.mask_fcn_logits": "mask_head.masks",
}
_D2GO_PYRAMID = re.compile(r"backbone\.fpn_(lateral|output)(\d+)\.(norm\.)?(.+)")
_D2GO_FIRST_LEVEL = 2  # of the pyramid, by the logarithm of its stride
_D2GO_BUFFERS = ("pixel_mean", "pixel_std", "proposal_generator.anchor_generator.cell_anchors.")

_HALVES_LAYERS = {
    "a1.cls": "rpn.objectness",
    "a1.box": "rpn.deltas",
    "a2.cls": "box_head.scores",
    "a2.box": "box_head.deltas",
    "a1.stem": "trunk.0.0.conv",
}
_HALVES_BLOCK = re.compile(r"(a1\.trunk|a1\.rpn|a2\.conv)\.(\d+)\.(pw|dw|pwl)\.(weight|bias)")
_HALVES_PARTS = {"pw": "expand.conv", "dw": "depthwise", "pwl": "project.conv"}


def translate(state: Mapping[str, Tensor], table: DetectorTable) -> tuple[State, DetectorLayout]:
    """A detector's state in our own names, and the layout it was in.

    A name that is of no layout is kept, so that fitting reports it.

    Raises:
        InputError: the file's anchors are not this detector's.
    """
    if any(name.startswith(("a1.", "a2.")) for name in state):
        return _from_halves(state, table), "halves"
    if any(name.startswith(("proposal_generator.", "roi_heads.")) for name in state):
        return _from_d2go(state), "d2go"
    return dict(state), "own"


def is_folded(state: Mapping[str, Tensor]) -> bool:
    """Whether a state in our own names has no normalization left."""
    return not any(".norm." in name for name in state)


def _from_d2go(state: Mapping[str, Tensor]) -> State:
    translated = {
        _d2go_name(name): tensor
        for name, tensor in state.items()
        if not name.startswith(_D2GO_BUFFERS)
    }
    stem = translated.get(_STEM)
    if stem is not None and stem.ndim == 4 and stem.shape[1] == 3 and stem.is_floating_point():
        # Their input is ours times 255 std, since both subtract the same mean; d2go's std is 1.
        scale = 255 * torch.tensor(IMAGENET_STD, dtype=stem.dtype)
        translated[_STEM] = stem.flip(1) * scale[:, None, None]
    return translated


def _d2go_name(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    if layer in _D2GO_LAYERS:
        return f"{_D2GO_LAYERS[layer]}.{kind}"
    pyramid = _D2GO_PYRAMID.fullmatch(name)
    if pyramid:
        level = int(pyramid[2]) - _D2GO_FIRST_LEVEL
        part = "norm" if pyramid[3] else "conv"
        return f"pyramid.{pyramid[1]}.{level}.{part}.{pyramid[4]}"
    for pattern, ours in _D2GO_STAGES:
        found = pattern.fullmatch(name)
        if found:
            stage = f"{ours}.{found[1]}" if found[1] else ours
            return f"{stage}.{found[2]}.{_in_block(found[3])}"
    return name


def _in_block(name: str) -> str:
    for theirs, ours in _IN_BLOCK:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name


def _from_halves(state: Mapping[str, Tensor], table: DetectorTable) -> State:
    anchors = state.get("anchors")
    if anchors is not None:
        wanted = torch.cat([cell_anchors(s, ASPECT_RATIOS) for s in table.anchor_sizes])
        if anchors.shape != wanted.shape or not torch.allclose(anchors, wanted, atol=1e-2):
            raise InputError(f"its anchors are not those of {table.name}; check the network's name")
    # Blocks of the trunk are numbered through, the stem, which has no number, left out.
    places = [
        f"trunk.{stage}.{block}"
        for stage, rows in enumerate(table.architecture.trunk)
        for block in range(sum(row.n for row in rows))
    ][1:]
    return {
        _halves_name(name, places): tensor for name, tensor in state.items() if name != "anchors"
    }


def _halves_name(name: str, trunk: list[str]) -> str:
    layer, _, kind = name.rpartition(".")
    if layer in _HALVES_LAYERS:
        return f"{_HALVES_LAYERS[layer]}.{kind}"
    found = _HALVES_BLOCK.fullmatch(name)
    if not found:
        return name
    number = int(found[2])
    if found[1] == "a1.trunk":
        place = trunk[number] if number < len(trunk) else f"trunk.{number}"
    else:
        head = "rpn" if found[1] == "a1.rpn" else "box_head"
        place = f"{head}.blocks.{number}"
    return f"{place}.{_HALVES_PARTS[found[3]]}.{found[4]}"
