from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from zoo.architecture import architectures
from zoo.fbnet import ChannelShuffle, FBNet, FBNetFeatures


@pytest.mark.parametrize("groups", [2, 4])
def test_channel_shuffle_is_torchs(groups: int) -> None:
    x = torch.randn(2, 8, 3, 5, generator=torch.Generator().manual_seed(1))
    assert torch.equal(ChannelShuffle(groups)(x), nn.ChannelShuffle(groups)(x))


def test_only_fbnet_a_shuffles() -> None:
    with torch.device("meta"):
        shuffles = {
            name: sum(isinstance(part, ChannelShuffle) for part in FBNet(table).modules())
            for name, table in architectures().items()
        }
    assert {name: number for name, number in shuffles.items() if number} == {"fbnet_a": 3}


def test_fbnetv3_d_computes_what_timms_does() -> None:
    """The builder against timm's independent one, whose FBNetV3-D has the published blocks."""
    theirs = timm.create_model("fbnetv3_d", num_classes=7).eval()
    ours = FBNet(architectures()["FBNetV3_D"], num_classes=7).eval()
    generator = torch.Generator().manual_seed(5)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    state = ours.state_dict()
    stem_bias = "stages.0.0.conv.bias"  # mobile_cv's stems have one in front of BN, timm's not
    names = [name for name in state if name != stem_bias]
    copied = {
        name: tensor.reshape(state[name].shape)
        for name, tensor in zip(names, theirs.state_dict().values(), strict=True)
    }
    ours.load_state_dict(copied | {stem_bias: torch.zeros_like(state[stem_bias])})
    x = torch.randn(1, 3, 64, 64, generator=generator)
    with torch.no_grad():
        expected, logits = theirs(x), ours(x)
    assert (logits - expected).abs().max() < 1e-5 * expected.abs().max()


def test_features_end_in_front_of_the_last_pool() -> None:
    network = FBNet(architectures()["FBNetV2_F1"], num_classes=10).eval()
    features = FBNetFeatures(network)
    with torch.no_grad():
        maps = features(torch.zeros(1, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (channels, 64 // reduction, 64 // reduction)
        for channels, reduction in zip(features.channels, features.reductions, strict=True)
    ]
    assert features.reductions == [2, 4, 8, 16, 32]
