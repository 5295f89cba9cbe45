"""Whole numbers in MIL programs: values, weights, and what is fused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from torch.nn import functional

from tests.runtime_bench.runtimes.mil_interpreter.saved_programs import (
    check_program,
)

SCALE, ZERO = np.float32(0.03), 7


@pytest.mark.parametrize(("dtype", "low", "high"), [("int8", -128, 127), ("uint8", 0, 255)])
@pytest.mark.parametrize("fused", [True, False])
def test_quantize_per_tensor(tmp_path: Path, dtype: str, low: int, high: int, fused: bool) -> None:
    zero = np.dtype(dtype).type(ZERO)
    other = SCALE if fused else np.float32(0.06)

    def build(x: Any) -> Any:
        whole = mb.quantize(input=x, scale=SCALE, zero_point=zero, output_dtype=dtype)
        return mb.dequantize(input=whole, scale=other, zero_point=zero)

    def expected(x: np.ndarray) -> np.ndarray:
        whole = np.clip(np.round(x / SCALE) + ZERO, low, high)
        return (whole - ZERO) * other

    program = check_program(build, expected, tmp_path)
    kinds = [operation.kind for operation in program.operations]
    assert kinds == (["quantize_dequantize"] if fused else ["quantize", "dequantize"])


def test_quantize_with_two_readers_is_fused_once(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        whole = mb.quantize(input=x, scale=SCALE, output_dtype="int8")
        one, two = (mb.dequantize(input=whole, scale=SCALE) for _ in range(2))
        return mb.add(x=mb.relu(x=one), y=two)

    def expected(x: np.ndarray) -> np.ndarray:
        rounded = np.clip(np.round(x / SCALE), -128, 127) * SCALE
        return np.maximum(rounded, 0) + rounded

    program = check_program(build, expected, tmp_path)
    assert [operation.kind for operation in program.operations] == [
        "quantize_dequantize",
        "relu",
        "add",
    ]


def test_quantize_per_channel(tmp_path: Path) -> None:
    scale = np.array([0.01, 0.05, 0.2], np.float32)
    zero = np.array([0, -5, 100], np.int8)

    def build(x: Any) -> Any:
        whole = mb.quantize(input=x, scale=scale, zero_point=zero, axis=1, output_dtype="int8")
        return mb.dequantize(input=whole, scale=scale, zero_point=zero, axis=1)

    def expected(x: np.ndarray) -> np.ndarray:
        steps, zeros = scale[:, None, None], zero[:, None, None].astype(np.float32)
        return (np.clip(np.round(x / steps) + zeros, -128, 127) - zeros) * steps

    check_program(build, expected, tmp_path)


def _whole_weights(dtype: str) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(1).integers(limits.min, limits.max, (6, 3, 3, 3)).astype(dtype)


def test_affine_weights(tmp_path: Path) -> None:
    data = _whole_weights("uint8")
    scale = np.linspace(0.001, 0.01, 6, dtype=np.float32)
    zero = np.array([0, 128, 255, 3, 127, 129], np.uint8)

    def build(x: Any) -> Any:
        weight = mb.constexpr_affine_dequantize(
            quantized_data=data, scale=scale, zero_point=zero, axis=0
        )
        return mb.conv(x=x, weight=weight)

    def expected(x: np.ndarray) -> np.ndarray:
        weight = (data.astype(np.float32) - zero[:, None, None, None]) * scale[:, None, None, None]
        return functional.conv2d(torch.from_numpy(x), torch.from_numpy(weight)).numpy()

    program = check_program(build, expected, tmp_path)
    assert [operation.kind for operation in program.operations] == ["conv"]


def test_blockwise_weights(tmp_path: Path) -> None:
    data = _whole_weights("int8")
    scale = np.linspace(0.001, 0.01, 18, dtype=np.float32).reshape(6, 3, 1, 1)
    coarse = np.linspace(0.001, 0.01, 3, dtype=np.float32).reshape(3, 1, 1, 1)
    offset = np.array([0, -4, 9], np.int8).reshape(3, 1, 1, 1)

    def build(x: Any) -> Any:
        fine = mb.constexpr_blockwise_shift_scale(data=data, scale=scale)
        blocks = mb.constexpr_blockwise_shift_scale(data=data, scale=coarse, offset=offset)
        return mb.add(x=mb.conv(x=x, weight=fine), y=mb.conv(x=x, weight=blocks))

    def expected(x: np.ndarray) -> np.ndarray:
        fine = data * scale
        shifted = data.astype(np.float32) - np.repeat(offset, 2, axis=0)
        weight = fine + shifted * np.repeat(coarse, 2, axis=0)
        return functional.conv2d(torch.from_numpy(x), torch.from_numpy(weight)).numpy()

    check_program(build, expected, tmp_path)
