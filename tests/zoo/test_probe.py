"""Modules that are stored or built in a way of their own are converted, or refused in one line."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.probe import float32_output

SPEC = InputSpec(16, 16)


def small(channels: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_point_modules_become_float32(dtype: torch.dtype) -> None:
    module = small().to(dtype)
    output = float32_output("net", module, SPEC)
    assert isinstance(output, Tensor) and output.dtype == torch.float32
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}


@pytest.mark.parametrize("nested", [False, True])
def test_script_modules_are_refused(nested: bool) -> None:
    scripted: nn.Module = torch.jit.trace(small(), torch.zeros(SPEC.shape))
    module = nn.Sequential(scripted) if nested else scripted
    with pytest.raises(InputError, match=r"net: .* is a ScriptModule, which cannot be captured"):
        float32_output("net", module, SPEC)


@pytest.mark.parametrize("channels, text", [(1, "1 channel,"), (4, "4 channels,")])
def test_another_number_of_channels_is_said(channels: int, text: str) -> None:
    with pytest.raises(InputError, match=f"net: takes images of {text} .*3 of RGB"):
        float32_output("net", small(channels), SPEC)


def test_casts_in_forward_are_said() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = small()

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x.half())

    with pytest.raises(InputError, match=r"compute in float32, without casts"):
        float32_output("net", Half(), SPEC)


def test_the_wrong_size_is_said() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 20 * 20, 2)).eval()
    with pytest.raises(InputError, match="check --input-size"):
        float32_output("net", module, SPEC)
