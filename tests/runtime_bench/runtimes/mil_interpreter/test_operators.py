"""Each operator against numpy or torch, in programs saved by coremltools and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from torch.nn import functional

from tests.runtime_bench.runtimes.mil_interpreter.saved_programs import (
    BIAS,
    GENERATOR,
    WEIGHT,
    Build,
    check_program,
)


def _torch(function: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[np.ndarray], Any]:
    return lambda x: function(torch.from_numpy(x)).numpy()


def _conv(**arguments: Any) -> Build:
    return lambda x: mb.conv(x=x, weight=WEIGHT, bias=BIAS, **arguments)


def _same_padded(stride: int, more_first: bool) -> Callable[[np.ndarray], np.ndarray]:
    def expected(x: np.ndarray) -> np.ndarray:
        sides = []
        for size in x.shape[2:]:
            total = max(0, (-(-size // stride) - 1) * stride + 3 - size)
            half = (total // 2, total - total // 2)
            sides.append(half[::-1] if more_first else half)
        padded = torch.from_numpy(np.pad(x, ((0, 0), (0, 0), *sides)))
        weight, bias = torch.from_numpy(WEIGHT), torch.from_numpy(BIAS)
        return functional.conv2d(padded, weight, bias, stride).numpy()

    return expected


TRANSPOSED = GENERATOR.standard_normal((3, 4, 3, 3)).astype(np.float32)
ROW = GENERATOR.standard_normal(11).astype(np.float32)


def _conv_transpose(x: torch.Tensor, **arguments: int) -> torch.Tensor:
    weight, bias = torch.from_numpy(TRANSPOSED), torch.from_numpy(BIAS[:4])
    return functional.conv_transpose2d(x, weight, bias, 2, **arguments)


def _row() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(ROW), torch.from_numpy(-ROW)


CASES: dict[str, tuple[Build, Callable[[np.ndarray], Any]]] = {
    "conv": (
        _conv(strides=[2, 1], pad_type="custom", pad=[1, 1, 0, 0]),
        lambda x: functional.conv2d(
            *map(torch.from_numpy, (x, WEIGHT, BIAS)), stride=(2, 1), padding=(1, 0)
        ).numpy(),
    ),
    "conv, uneven padding": (
        _conv(pad_type="custom", pad=[0, 1, 2, 0]),
        lambda x: functional.conv2d(
            *map(
                torch.from_numpy,
                (np.pad(x, ((0, 0), (0, 0), (0, 1), (2, 0))), WEIGHT, BIAS),
            )
        ).numpy(),
    ),
    "choice between two values": (
        lambda x: mb.select(
            cond=mb.logical_or(
                x=mb.logical_and(x=mb.greater(x=x, y=0.1), y=mb.less_equal(x=x, y=0.7)),
                y=mb.logical_not(x=mb.greater_equal(x=x, y=-1.0)),
            ),
            a=x,
            b=mb.mul(x=x, y=-3.0),
        ),
        lambda x: np.where(((x > 0.1) & (x <= 0.7)) | (x < -1), x, -3 * x),
    ),
    "choice by equality": (
        lambda x: mb.select(
            cond=mb.logical_or(
                x=mb.not_equal(x=mb.maximum(x=x, y=0.5), y=0.5),
                y=mb.logical_and(
                    x=mb.equal(x=mb.maximum(x=x, y=0.0), y=0.0),
                    y=mb.logical_not(x=mb.less(x=x, y=-0.5)),
                ),
            ),
            a=x,
            b=mb.mul(x=x, y=2.0),
        ),
        lambda x: np.where((x > 0.5) | ((x <= 0) & (x >= -0.5)), x, 2 * x),
    ),
    "conv, same": (_conv(strides=[2, 2], pad_type="same"), _same_padded(2, False)),
    "conv, same_lower": (_conv(strides=[2, 2], pad_type="same_lower"), _same_padded(2, True)),
    "conv, depthwise and dilated": (
        lambda x: mb.conv(x=x, weight=WEIGHT[:, :1], groups=3, dilations=[2, 2]),
        lambda x: functional.conv2d(
            torch.from_numpy(x), torch.from_numpy(WEIGHT[:, :1]), groups=3, dilation=2
        ).numpy(),
    ),
    "avg_pool, padding counted": (
        lambda x: mb.avg_pool(
            x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1]
        ),
        _torch(lambda x: functional.avg_pool2d(x, 3, 2, 1)),
    ),
    "avg_pool, padding excluded": (
        lambda x: mb.avg_pool(
            x=x,
            kernel_sizes=[3, 3],
            strides=[2, 2],
            pad_type="custom",
            pad=[1, 1, 1, 1],
            exclude_padding_from_average=True,
        ),
        _torch(lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    ),
    "max_pool": (
        lambda x: mb.max_pool(
            x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1]
        ),
        _torch(lambda x: functional.max_pool2d(x, 3, 2, 1)),
    ),
    "reduce_mean": (
        lambda x: mb.reduce_mean(x=x, axes=[-2, -1], keep_dims=False),
        lambda x: x.mean(axis=(2, 3)),
    ),
    "reduce_sum over the batch": (
        lambda x: mb.reduce_sum(x=x, axes=[0], keep_dims=True),
        lambda x: x.sum(axis=0, keepdims=True),
    ),
    "reshape and linear": (
        lambda x: mb.linear(
            x=mb.reshape(x=x, shape=[1, 297]), weight=np.ones((2, 297), np.float32) / 9
        ),
        lambda x: np.repeat(x.reshape(1, -1).sum(axis=1, keepdims=True) / 9, 2, axis=1),
    ),
    "reshape that hides the batch": (
        lambda x: mb.reshape(x=x, shape=[3, 99]),
        lambda x: x.reshape(3, 99),
    ),
    "transpose": (
        lambda x: mb.transpose(x=x, perm=[0, 2, 3, 1]),
        lambda x: x.transpose(0, 2, 3, 1),
    ),
    "transpose of the batch": (
        lambda x: mb.transpose(x=x, perm=[1, 0, 2, 3]),
        lambda x: x.transpose(1, 0, 2, 3),
    ),
    "concat": (lambda x: mb.concat(values=[x, x], axis=1), lambda x: np.concatenate([x, x], 1)),
    "split": (
        lambda x: mb.add(x=mb.split(x=x, num_splits=3, axis=1)[0], y=1.0),
        lambda x: x[:, :1] + 1,
    ),
    "slice_by_index": (
        lambda x: mb.slice_by_index(
            x=x,
            begin=[0, 1, 0, 2],
            end=[1, 3, 0, 9],
            stride=[1, 1, 2, 3],
            begin_mask=[True, False, False, False],
            end_mask=[True, False, True, False],
        ),
        lambda x: x[:, 1:3, ::2, 2:9:3],
    ),
    "pad": (
        lambda x: mb.pad(x=x, pad=[1, 0, 2, 1], mode="constant", constant_val=0.5),
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 0), (2, 1)), constant_values=0.5),
    ),
    "expand_dims and squeeze": (
        lambda x: mb.squeeze(
            x=mb.expand_dims(x=mb.reduce_max(x=x, axes=[3], keep_dims=False), axes=[1, -1]),
            axes=[1],
        ),
        lambda x: x.max(axis=3)[..., None],
    ),
    "matmul": (
        lambda x: mb.matmul(
            x=x, y=np.arange(22, dtype=np.float32).reshape(2, 11), transpose_y=True
        ),
        lambda x: x @ np.arange(22, dtype=np.float32).reshape(2, 11).T,
    ),
    "batch_norm": (
        lambda x: mb.batch_norm(
            x=x,
            mean=BIAS[:3],
            variance=np.abs(BIAS[3:]),
            gamma=BIAS[1:4],
            beta=BIAS[2:5],
            epsilon=1e-3,
        ),
        lambda x: (
            (x - BIAS[:3, None, None])
            / np.sqrt(np.abs(BIAS[3:, None, None]) + np.float32(1e-3))
            * BIAS[1:4, None, None]
            + BIAS[2:5, None, None]
        ),
    ),
    "sigmoid_hard": (
        lambda x: mb.sigmoid_hard(x=x, alpha=1 / 6, beta=0.5),
        _torch(functional.hardsigmoid),
    ),
    "hard-swish as coremltools writes it": (
        lambda x: mb.mul(
            x=mb.thresholded_relu(x=x, alpha=-3.0),
            y=mb.sigmoid_hard(x=mb.thresholded_relu(x=x, alpha=-3.0), alpha=1 / 6, beta=0.5),
        ),
        _torch(functional.hardswish),
    ),
    "clip": (lambda x: mb.clip(x=x, alpha=-0.5, beta=0.7), lambda x: x.clip(-0.5, 0.7)),
    "arithmetic": (
        lambda x: mb.maximum(
            x=mb.real_div(x=mb.sub(x=mb.mul(x=x, y=x), y=BIAS[:3].reshape(1, 3, 1, 1)), y=3.0),
            y=mb.minimum(x=x, y=mb.relu6(x=x)),
        ),
        lambda x: np.maximum((x * x - BIAS[:3, None, None]) / 3, np.minimum(x, x.clip(0, 6))),
    ),
    "activations": (
        lambda x: mb.add(
            x=mb.silu(x=mb.leaky_relu(x=x, alpha=0.1)), y=mb.tanh(x=mb.sigmoid(x=mb.relu(x=x)))
        ),
        _torch(
            lambda x: (
                functional.silu(functional.leaky_relu(x, 0.1))
                + torch.tanh(torch.sigmoid(functional.relu(x)))
            )
        ),
    ),
    "conv_transpose": (
        lambda x: mb.conv_transpose(x=x, weight=TRANSPOSED, bias=BIAS[:4], strides=[2, 2]),
        _torch(lambda x: _conv_transpose(x)),
    ),
    "conv_transpose to a given size": (
        lambda x: mb.conv_transpose(
            x=x,
            weight=TRANSPOSED,
            bias=BIAS[:4],
            strides=[2, 2],
            pad=[1, 1, 1, 1],
            pad_type="custom",
            output_shape=[1, 4, 18, 22],
        ),
        _torch(lambda x: _conv_transpose(x, padding=1, output_padding=1)),
    ),
    "upsample_bilinear": (
        lambda x: mb.upsample_bilinear(
            x=x, scale_factor_height=2.0, scale_factor_width=3.0, align_corners=False
        ),
        _torch(lambda x: functional.interpolate(x, scale_factor=(2.0, 3.0), mode="bilinear")),
    ),
    "resize_bilinear": (
        lambda x: mb.resize_bilinear(
            x=x,
            target_size_height=20,
            target_size_width=7,
            sampling_mode="STRICT_ALIGN_CORNERS",
        ),
        _torch(lambda x: functional.interpolate(x, (20, 7), mode="bilinear", align_corners=True)),
    ),
    "upsample_nearest_neighbor": (
        lambda x: mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=3),
        lambda x: x.repeat(2, axis=2).repeat(3, axis=3),
    ),
    "pixel_shuffle and back": (
        lambda x: mb.pixel_unshuffle(
            x=mb.pixel_shuffle(x=mb.tile(x=x, reps=[1, 8, 1, 1]), upscale_factor=2),
            downscale_factor=np.uint32(2),
        ),
        lambda x: np.tile(x, (1, 8, 1, 1)),
    ),
    "tile of the batch": (
        lambda x: mb.tile(x=x, reps=[2, 1, 1, 1]),
        lambda x: np.tile(x, (2, 1, 1, 1)),
    ),
    "reverse": (lambda x: mb.reverse(x=x, axes=[1, 3]), lambda x: x[:, ::-1, :, ::-1]),
    "gather": (
        lambda x: mb.gather(x=x, indices=np.array([2, 0], np.int32), axis=1),
        lambda x: x[:, [2, 0]],
    ),
    "layer_norm": (
        lambda x: mb.layer_norm(x=x, axes=[3], gamma=ROW, beta=-ROW, epsilon=1e-3),
        _torch(lambda x: functional.layer_norm(x, [11], *_row(), eps=1e-3)),
    ),
    "reduce_l2_norm": (
        lambda x: mb.reduce_l2_norm(x=x, axes=[1], keep_dims=True),
        lambda x: np.sqrt((x * x).sum(axis=1, keepdims=True)),
    ),
    "pad, reflected": (
        lambda x: mb.pad(x=x, pad=[0, 0, 0, 0, 1, 2, 2, 0], mode="reflect"),
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 2), (2, 0)), mode="reflect"),
    ),
    "further activations": (
        lambda x: mb.add(
            x=mb.gelu(x=mb.elu(x=x, alpha=0.7), mode="TANH_APPROXIMATION"),
            y=mb.softplus(x=mb.gelu(x=mb.erf(x=x), mode="EXACT")),
        ),
        _torch(
            lambda x: (
                functional.gelu(functional.elu(x, 0.7), approximate="tanh")
                + functional.softplus(functional.gelu(torch.erf(x)))
            )
        ),
    ),
    "softmax": (lambda x: mb.softmax(x=x, axis=-1), _torch(lambda x: torch.softmax(x, -1))),
}
ALONE = {
    "reduce_sum over the batch",
    "reshape that hides the batch",
    "tile of the batch",
    "transpose of the batch",
}


@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, tmp_path: Path) -> None:
    build, expected = CASES[name]
    program = check_program(build, expected, tmp_path)
    assert program.batchable == (name not in ALONE)
