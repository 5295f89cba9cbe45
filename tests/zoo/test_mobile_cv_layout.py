from __future__ import annotations

import pytest
import torch

from zoo.architecture import architectures
from zoo.checkpoints import translate
from zoo.fbnet import FBNet
from zoo.mobile_cv_layout import from_mobile_cv, is_mobile_cv, to_mobile_cv


def _state(name: str) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return dict(FBNet(architectures()[name]).state_dict())


@pytest.mark.parametrize("name", list(architectures()))
def test_round_trip(name: str) -> None:
    table, ours = architectures()[name], _state(name)
    theirs = to_mobile_cv(ours, table)
    assert len(theirs) == len(ours)
    assert is_mobile_cv(theirs)
    assert not is_mobile_cv(ours)
    assert all(key.startswith(("backbone.stages.xif", "head.conv.")) for key in theirs)
    back = from_mobile_cv(theirs, table)
    assert list(back) == list(ours)
    assert all(back[key] is ours[key] for key in ours)


@pytest.mark.parametrize(
    # Written down from mobile_cv's module tree: ConvBNRelu has conv and bn; IRFBlock pw, dw, se
    # and pwl; SEModule se.0 (ConvBNRelu) and se.1; Identity wraps conv; IRPoolBlock pw and pwl.
    ("ours", "theirs"),
    [
        ("stages.0.0.conv.weight", "backbone.stages.xif0_0.conv.weight"),
        ("stages.0.0.conv.bias", "backbone.stages.xif0_0.conv.bias"),
        ("stages.0.0.bn.running_var", "backbone.stages.xif0_0.bn.running_var"),
        ("stages.1.0.layers.depthwise.conv.weight", "backbone.stages.xif1_0.dw.conv.weight"),
        ("stages.2.1.layers.expand.bn.bias", "backbone.stages.xif2_1.pw.bn.bias"),
        ("stages.3.0.layers.se.reduce.weight", "backbone.stages.xif3_0.se.se.0.conv.weight"),
        ("stages.3.0.layers.se.expand.bias", "backbone.stages.xif3_0.se.se.1.bias"),
        ("stages.4.3.conv.weight", "backbone.stages.xif4_3.conv.conv.weight"),
        ("stages.4.3.bn.weight", "backbone.stages.xif4_3.conv.bn.weight"),
        ("stages.5.2.layers.project.bn.weight", "backbone.stages.xif5_2.pwl.bn.weight"),
        ("stages.6.0.expand.conv.weight", "backbone.stages.xif6_0.pw.conv.weight"),
        ("stages.6.0.conv.weight", "backbone.stages.xif6_0.pwl.conv.weight"),
        ("classifier.bias", "head.conv.bias"),
    ],
)
def test_names(ours: str, theirs: str) -> None:
    table = architectures()["dmasking_f1"]
    assert ours in _state("dmasking_f1")
    assert list(to_mobile_cv({ours: torch.zeros(1)}, table)) == [theirs]
    assert list(from_mobile_cv({theirs: torch.zeros(1)}, table)) == [ours]


def test_repeats_are_counted_through() -> None:
    """FBNetV3 rows repeat; a block's number runs through its stage."""
    table = architectures()["FBNetV3_B"]
    theirs = to_mobile_cv(_state("FBNetV3_B"), table)
    assert "backbone.stages.xif1_1.dw.conv.weight" in theirs
    blocks = {key.split(".")[2] for key in theirs if key.startswith("backbone")}
    assert len(blocks) == sum(row.n for rows in table.stages for row in rows)


def test_strange_names_are_kept_to_be_reported() -> None:
    table = architectures()["fbnet_c"]
    state = {"backbone.stages.xif99_0.conv.weight": torch.zeros(1), "more": torch.zeros(1)}
    translated, layout = translate(state, table)
    assert layout == "mobile_cv"
    assert list(translated) == list(state)
