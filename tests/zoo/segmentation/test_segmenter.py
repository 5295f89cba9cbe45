from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision.models.segmentation import lraspp

from zoo.embedded import ARCHITECTURE
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.names import HEADS, HeadName, resolve
from zoo.networks import InputOverrides, load_network
from zoo.scenes import CLASSES
from zoo.segmentation.default import INPUT_SPEC, build_default, trunk
from zoo.segmentation.dilation import OutputStride
from zoo.segmentation.segmenter import (
    FullResolution,
    Segmenter,
    build_segmenter,
)

SPEC = InputSpec(64, 64)


def _segmenter(name: str, head: HeadName, output_stride: OutputStride = 16) -> Segmenter:
    features = load_network(name, features_only=True, overrides=InputOverrides(size=64)).module
    return build_segmenter(
        name, features, SPEC, head=head, num_classes=7, output_stride=output_stride
    ).eval()


@pytest.mark.parametrize(
    ("name", "head", "output_stride"),
    [
        *(("FBNetV2_F0", head, stride) for head in HEADS for stride in (8, 16)),
        ("FBNetV3_A0", "lraspp", 16),
        ("mobilenetv3_small_050", "deeplabv3", 8),
    ],
)
@torch.no_grad()
def test_logits_and_their_resolution(
    name: str, head: HeadName, output_stride: OutputStride
) -> None:
    network = _segmenter(name, head, output_stride)
    x = torch.rand(2, 3, 64, 96)
    finest = output_stride // 2 if head == "lraspp" else output_stride
    assert network(x).shape == (2, 7, 64 // finest, 96 // finest)
    assert FullResolution(network)(x).shape == (2, 7, 64, 96)


@torch.no_grad()
def test_the_coarsest_map_is_torchvisions() -> None:
    """Of the same weights, but for the dilation that torchvision gives the strided layer itself."""
    whole = lraspp.lraspp_mobilenet_v3_large(weights_backbone=None, num_classes=7).eval()
    ours = _segmenter("mobilenet_v3_large", "lraspp")
    first = whole.backbone["13"].block[1][0]
    assert isinstance(first, nn.Conv2d) and first.dilation == (2, 2)
    first.dilation, first.padding = (1, 1), (2, 2)
    weights = whole.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), weights, strict=True)))
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(
        ours.backbone(x)["high"], whole.backbone(x)["high"], rtol=1e-5, atol=1e-5
    )


@torch.no_grad()
def test_the_default_is_made_of_the_embedded_classifier() -> None:
    network = build_default().eval()
    assert network(torch.zeros(INPUT_SPEC.shape)).shape == (1, 11, 32, 32)
    # At most 3 MB in float16.
    assert sum(tensor.numel() for tensor in network.state_dict().values()) <= 1_500_000
    stored = load_network("default", features_only=True).module.state_dict()
    backbone = network.backbone.get_submodule("features").state_dict()
    assert {name: t.shape for name, t in backbone.items()} == {
        name: stored[name].shape for name in backbone
    }
    assert trunk().name == ARCHITECTURE


def test_what_cannot_be_built_is_told() -> None:
    features = nn.Module()
    features.channels, features.reductions = [8, 16], [4, 8]  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"own: its coarsest map has stride 8, .* 16"):
        build_segmenter("own", features, SPEC, head="fcn", num_classes=2)
    gap = nn.Sequential(nn.Conv2d(3, 4, 3, 16, 1))
    gap.channels, gap.reductions = [4], [16]  # type: ignore[assignment]
    with pytest.raises(InputError, match="own: has no map of stride 8, which LR-ASPP needs"):
        build_segmenter("own", gap, SPEC, head="lraspp", num_classes=2)


@torch.no_grad()
@pytest.mark.parametrize("name", ["lraspp_FBNetV2_F0", "deeplabv3_fbnetv2_f1", "fcn_mnasnet_small"])
def test_a_head_and_a_network_by_name(name: str, tmp_path: Path) -> None:
    first = load_network(name, num_classes=3, seed=1, overrides=InputOverrides(size=64))
    assert (first.task, first.num_classes, first.input_spec.crop_pct) == ("segmentation", 3, 1.0)
    assert first.outputs[0].shape == (1, 3, *((8, 8) if name.startswith("lraspp") else (4, 4)))
    torch.save(first.module.state_dict(), tmp_path / "own.pth")
    again = load_network(name, tmp_path / "own.pth", overrides=InputOverrides(size=64))
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(first.module(x), again.module(x))


def test_a_head_on_nothing() -> None:
    with pytest.raises(InputError, match="lraspp_nothing: no such network"):
        load_network("lraspp_nothing")
    assert resolve("lraspp_mobilenet_v3_large").source == "torchvision"
    assert resolve("lraspp_mobilenet_v3_small").source == "fbdeploy"


def test_the_default_has_its_weights_and_takes_others(tmp_path: Path) -> None:
    embedded = load_network("default-segmenter")
    assert (embedded.labels, embedded.weights.kind) == (CLASSES, "embedded")
    torch.save(build_default().state_dict(), tmp_path / "trained.pth")
    network = load_network("default-segmenter", tmp_path / "trained.pth")
    assert network.labels == CLASSES and network.input_spec == INPUT_SPEC
    assert network.outputs[0].shape == (1, 11, 32, 32)
