"""Time by operator: what the runtimes' own profilers say of a network whose operators are known."""

from __future__ import annotations

import re

import pytest
import torch

from runtime_bench.runtimes.profiling import Profile, profile
from tests.runtime_bench.artefacts import Artefacts
from zoo.errors import InputError

CONVOLUTIONS = 6  # of the tiny network, those of the squeeze-excite included, and one linear layer


@pytest.fixture(autouse=True)
def _torch_threads() -> None:
    torch.set_num_threads(1)


def _kinds(found: Profile, pattern: str) -> int:
    return sum(bool(re.search(pattern, one.kind)) for one in found.operators)


def _check(found: Profile) -> None:
    assert sum(one.share for one in found.operators) == pytest.approx(1)
    assert all(one.microseconds >= 0 for one in found.operators)
    assert len({one.name for one in found.operators}) == len(found.operators)
    total = sum(one.microseconds for one in found.operators)
    assert 0 < total <= 1e3 * found.milliseconds
    kinds = found.by_kind()
    assert sum(count for count, _ in kinds.values()) == len(found.operators)
    times = [time for _, time in kinds.values()]
    assert times == sorted(times, reverse=True) and sum(times) == pytest.approx(total)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_onnxruntime(artefacts: Artefacts, precision: str) -> None:
    found = profile(artefacts("onnx", precision), 1)
    _check(found)
    assert _kinds(found, "Conv") == CONVOLUTIONS
    assert _kinds(found, "Gemm|MatMul") == 1


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_executorch_tells_operators_inside_the_delegate(
    artefacts: Artefacts, precision: str
) -> None:
    found = profile(artefacts("executorch", precision), 1)
    _check(found)
    # XNNPACK runs a convolution of 1 x 1 as a fully connected layer.
    assert _kinds(found, "Convolution|Fully Connected") == CONVOLUTIONS + 1
    assert _kinds(found, "DWConv") == 1


def test_torchscript_counts_top_level_operators(artefacts: Artefacts) -> None:
    found = profile(artefacts("torchscript", "fp32"), 1)
    _check(found)
    assert _kinds(found, "convolution|conv2d") == CONVOLUTIONS
    assert _kinds(found, "linear") == 1


def test_litert_has_no_profiler_in_python(artefacts: Artefacts) -> None:
    with pytest.raises(InputError, match="LiteRT has no profiler that Python reaches"):
        profile(artefacts("litert", "fp32"), 1)
