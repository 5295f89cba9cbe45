from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models.segmentation import lraspp

from zoo.embedded import ARCHITECTURE
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.networks import InputOverrides, load_network
from zoo.segmentation.default import INPUT_SPEC, build_default, trunk
from zoo.segmentation.dilation import OutputStride
from zoo.segmentation.segmenter import (
    HEADS,
    FullResolution,
    HeadName,
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
