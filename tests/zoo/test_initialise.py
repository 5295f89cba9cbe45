from __future__ import annotations

import pytest
import torch
from torch import nn

from zoo.initialise import IMAGES, SHIFT, noise_images, settle_batch_norms
from zoo.input_spec import InputSpec
from zoo.networks import InputOverrides, load_network


def test_activations_have_mean_zero_and_variance_one() -> None:
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
    nn.init.zeros_(norm.weight)
    network = nn.Sequential(conv, norm, nn.Dropout(0.5)).eval()
    momentum = norm.momentum
    spec = InputSpec(16, 20)
    settle_batch_norms(network, spec, seed=4)
    assert not any(module.training for module in network.modules())
    assert (norm.momentum, norm.weight.tolist()) == (momentum, [1.0] * 4)
    y = network(noise_images(IMAGES, spec, 4)).detach() - SHIFT
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var((0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", ["fbnetv3_b", "FBNetV3_B", "fbnetc_100", "FBNetV2_F1"])
def test_logits_of_random_networks_are_of_ordinary_size(name: str) -> None:
    network = load_network(name, overrides=InputOverrides(size=96))
    with torch.no_grad():
        logits = network.module(noise_images(2, network.input_spec, seed=1))
    assert 0.01 < float(logits.std()) < 100
    assert not torch.equal(logits[0], logits[1])


@pytest.mark.parametrize("name", ["fbnetv3_b", "fbnetc_100"])
def test_random_networks_do_not_amplify_noise(name: str) -> None:
    network = load_network(name, overrides=InputOverrides(size=96))
    images = noise_images(8, network.input_spec, seed=1)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        logits = network.module(images)
        error = network.module(images + 0.01 * noise) - logits
    # 1 % in; a network that makes 30 % of it cannot show whether an export is right.
    assert float(error.norm() / logits.norm()) < 0.03
