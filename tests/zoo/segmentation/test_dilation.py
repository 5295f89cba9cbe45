"""Maps of dilated networks hold the values of the networks they were made of."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.networks import InputOverrides, load_network
from zoo.segmentation.dilation import OutputStride, dilate

SPEC = InputSpec(128, 128)


def _features(name: str) -> nn.Module:
    overrides = InputOverrides(size=128)
    return load_network(name, features_only=True, overrides=overrides).module


# Without squeeze-excite, whose pool sees other maps.
@pytest.mark.parametrize(
    ("name", "output_stride"),
    [("fbnet_a", 8), ("fbnet_c", 16), ("mobilenet_v2", 16), ("mobilenetv2_050", 8)],
)
@torch.no_grad()
def test_every_second_value_is_the_undilated_networks(
    name: str, output_stride: OutputStride
) -> None:
    x = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    network = _features(name)
    before = network(x)
    dilate(name, network, SPEC, output_stride)
    after = network(x)
    for old, new, reduction in zip(before, after, network.reductions, strict=True):
        step = max(1, reduction // output_stride)
        assert new.shape[2] == 128 // min(reduction, output_stride)
        torch.testing.assert_close(new[:, :, ::step, ::step], old, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_as_torchvisions_dilated_resnet() -> None:
    torch.manual_seed(0)
    dilated = torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True]).eval()
    plain = torchvision.models.resnet50().eval()
    plain.load_state_dict(dilated.state_dict())
    trunk, wanted = (nn.Sequential(*list(net.children())[:-2]) for net in (plain, dilated))
    dilate("resnet50", trunk, InputSpec(64, 64), 8)
    x = torch.randn(1, 3, 64, 64)
    assert trunk(x).shape[2:] == (8, 8)
    torch.testing.assert_close(trunk(x), wanted(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["FBNetV3_A", "FBNetV2_F1"])
@torch.no_grad()
def test_maps_with_squeeze_excite_and_reduced_padding(name: str) -> None:
    network = _features(name)
    plain = network(torch.zeros(1, 3, 128, 128))
    dilate(name, network, SPEC, 8)
    maps = network(torch.zeros(1, 3, 128, 128))
    for old, new, reduction in zip(plain, maps, network.reductions, strict=True):
        step = max(1, reduction // 8)
        # Reduced padding takes a pixel from a map, or four once it is not strided.
        assert -(-new.shape[2] // step) == old.shape[2]
    assert all(module.stride[0] == 1 for module in network.modules() if _late(module))


def _late(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.dilation[0] > 1


def test_a_pool_that_is_too_coarse_is_told() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 8, 1), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, 1, 1))
    with pytest.raises(InputError, match=r"own: pools at stride 8, .* cannot be 8; choose 16"):
        dilate("own", network.eval(), SPEC, 8)
    dilate("own", network, SPEC, 16)


def test_so_is_one_that_is_no_module() -> None:
    class Pooling(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self[1](nn.functional.max_pool2d(self[0](x), 2))

    network = Pooling(nn.Conv2d(3, 4, 3, 8, 1), nn.Conv2d(4, 4, 3, 1, 1)).eval()
    with pytest.raises(InputError, match=r"own: pools at stride 8, .* cannot be 8; choose 16"):
        dilate("own", network, SPEC, 8)


@torch.no_grad()
def test_a_layer_that_is_used_twice_is_dilated_once() -> None:
    class Twice(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self[1](self[1](self[0](x)))

    network = Twice(nn.Conv2d(3, 4, 3, 16, 1), nn.Conv2d(4, 4, 3, 1, 1)).eval()
    x = torch.randn(1, 3, 128, 128)
    before = network(x)
    dilate("own", network, SPEC, 8)
    assert network[0].stride == (8, 8) and network[1].dilation == (2, 2)
    torch.testing.assert_close(network(x)[:, :, ::2, ::2], before, rtol=1e-4, atol=1e-5)
