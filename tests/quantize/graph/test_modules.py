"""Modules of other number types are captured as float32, and those that cannot be are named."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from quantize.graph.capture import capture
from tests.quantize.small_networks import SPEC, noise_images, randomize
from zoo.errors import InputError


def test_half_and_double_modules_become_float32() -> None:
    torch.manual_seed(0)
    module = randomize(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    x = torch.from_numpy(noise_images(2))
    expected = module(x)
    for dtype, tolerance in ((torch.float64, 1e-6), (torch.float16, 1e-2)):
        graph = capture(copy.deepcopy(module).to(dtype), SPEC).graph
        torch.testing.assert_close(graph(x), expected, rtol=tolerance, atol=tolerance)


def test_script_modules_are_one_line() -> None:
    part = torch.jit.trace(nn.Conv2d(3, 4, 3).eval(), torch.zeros(1, 3, 32, 32))
    for module in (part, nn.Sequential(part)):
        with pytest.raises(InputError, match="ScriptModule") as error:
            capture(module, SPEC)
        assert "\n" not in str(error.value)
