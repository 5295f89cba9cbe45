"""A small network's artefacts: what is counted in them, against counts of the network itself."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import get_args

import pytest
import torch
from torch import nn

from export.format_info import FORMAT_INFO, NumberType
from export.inspection import Inspection, inspect
from tests.export.conftest import Workshop
from tests.quantize.small_networks import tiny_network

FORMATS = tuple(FORMAT_INFO)
CASES = [
    (form, precision)
    for form in FORMATS
    for precision in get_args(NumberType)
    if FORMAT_INFO[form].files(precision)
]


def hooked_macs() -> int:
    """MACs of one image by the textbook formula, from the shapes that forward hooks see."""
    found = []

    def convolution(layer: nn.Module, _: object, result: torch.Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        window = math.prod(layer.kernel_size) * layer.in_channels // layer.groups
        found.append(result.numel() * window)

    module = tiny_network().module
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    assert not any(isinstance(layer, nn.Linear) for layer in module.modules())
    for layer in layers:
        layer.register_forward_hook(convolution)
    with torch.no_grad():
        module(torch.zeros(1, 3, 32, 32))
    return sum(found)


@pytest.fixture(scope="session")
def inspected(workshop: Workshop) -> object:
    @cache
    def made(form: str, precision: NumberType) -> Inspection:
        return inspect(workshop.make(form, precision).path)

    return made


@pytest.mark.parametrize(("form", "precision"), CASES)
def test_macs_are_those_of_the_network(inspected, form: str, precision: NumberType) -> None:
    found = inspected(form, precision)
    assert found.format == form
    assert found.macs == hooked_macs()
    assert json.loads(found.model_dump_json())["macs"] == found.macs


@pytest.mark.parametrize(("form", "precision"), CASES)
def test_ports_are_float_images_and_logits(inspected, form: str, precision: NumberType) -> None:
    found = inspected(form, precision)
    shape = (1, 32, 32, 3) if form == "litert" else (1, 3, 32, 32)
    assert [(port.shape, port.dtype) for port in found.inputs] == [(shape, "float32")]
    assert [(port.shape, port.dtype) for port in found.outputs] == [((1, 7), "float32")]


@pytest.mark.parametrize("form", FORMATS)
def test_float_artefact_has_nothing_in_int8(inspected, form: str) -> None:
    found = inspected(form, "fp32")
    assert found.int8_share == 0
    assert all(island.kind == "outside the delegate" for island in found.islands)
    assert "int8" not in found.weight_bytes


@pytest.mark.parametrize("form", FORMATS)
def test_int8_share_is_what_islands_leave(inspected, form: str) -> None:
    found = inspected(form, "int8")
    outside = sum(i.macs for i in found.islands if i.kind != "outside the delegate")
    assert found.int8_share == pytest.approx(1 - outside / found.macs)
    assert found.int8_share > 0.9
    costs = [island.macs + island.elements for island in found.islands]
    assert costs == sorted(costs, reverse=True)
    assert all(cost > 0 for cost in costs)
    assert sum(island.share for island in found.islands) <= 1
    assert all(island.reason and "\n" not in island.reason for island in found.islands)


@pytest.mark.parametrize("form", FORMATS)
def test_int8_weights_are_one_byte_each(workshop: Workshop, inspected, form: str) -> None:
    found = inspected(form, "int8")
    weights = sum(weight.values.numel() for weight in workshop.program.weights.values())
    # Scales, zero points and small tables come on top.
    assert weights <= found.weight_bytes["int8"] <= 1.2 * weights


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("form", FORMATS)
def test_only_delegates_have_a_delegated_share(inspected, form: str, precision: NumberType) -> None:
    found = inspected(form, precision)
    if form in ("executorch", "litert"):
        assert found.partitions >= 1
        assert 0.9 < found.delegated_share <= 1
        assert found.arena_bytes > 0
    else:
        assert found.partitions is None and found.delegated_share is None
        assert found.arena_bytes is None


def test_onnx_counts_what_onnxruntime_fuses(inspected) -> None:
    found = inspected("onnx", "int8")
    convolutions = found.stored_operators["Conv"]
    assert "QLinearConv" not in found.stored_operators
    fused, left = found.operators.get("QLinearConv", 0), found.operators.get("Conv", 0)
    assert fused + left == convolutions
    assert fused > 0
    assert any("onnxruntime" in note for note in found.notes)


def test_coreml_leaves_delegation_to_apple(inspected) -> None:
    assert any("load time" in note for note in inspected("coreml", "int8").notes)


def test_torchscript_int8_calls_quantized_kernels(inspected) -> None:
    found = inspected("torchscript", "int8")
    assert any(name.startswith("quantized::conv2d") for name in found.operators)
    assert not any(
        name.startswith("quantized::") for name in inspected("torchscript", "fp32").operators
    )
