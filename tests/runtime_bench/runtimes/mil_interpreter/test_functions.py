"""Functions of values and their sums against numpy, in programs saved by coremltools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from torch.nn import functional

from tests.runtime_bench.runtimes.mil_interpreter.saved_programs import BIAS, Build, check_program


def _clamped(x: np.ndarray) -> np.ndarray:
    return np.minimum(np.where(x >= 0, x, 0.5 * x), 0.75)


CASES: dict[str, tuple[Build, Callable[[np.ndarray], Any]]] = {
    "roots and logarithms": (
        lambda x: mb.add(
            x=mb.rsqrt(x=mb.square(x=x), epsilon=0.5),
            y=mb.add(
                x=mb.log(x=mb.abs(x=x), epsilon=0.25),
                y=mb.inverse(x=mb.pow(x=mb.add(x=mb.abs(x=x), y=1.0), y=1.5), epsilon=1.0),
            ),
        ),
        lambda x: (
            1 / np.sqrt(x * x + 0.5) + np.log(np.abs(x) + 0.25) + 1 / ((np.abs(x) + 1) ** 1.5 + 1)
        ),
    ),
    "angles, signs and steps": (
        lambda x: mb.add(
            x=mb.mul(x=mb.sin(x=x), y=mb.atan(x=mb.cos(x=x))),
            y=mb.mul(x=mb.sign(x=x), y=mb.round(x=mb.exp2(x=mb.softsign(x=x)))),
        ),
        lambda x: (
            np.sin(x) * np.arctan(np.cos(x)) + np.sign(x) * np.round(np.exp2(x / (1 + np.abs(x))))
        ),
    ),
    "cumsum": (
        lambda x: mb.cumsum(x=x, axis=3, exclusive=True, reverse=True),
        lambda x: x[..., ::-1].cumsum(axis=3)[..., ::-1] - x,
    ),
    "sums of powers": (
        lambda x: mb.add(
            x=mb.reduce_l1_norm(x=x, axes=[1], keep_dims=True),
            y=mb.add(
                x=mb.reduce_log_sum_exp(x=x, axes=[1], keep_dims=True),
                y=mb.reduce_sum_square(x=x, axes=[1], keep_dims=True),
            ),
        ),
        lambda x: (
            np.abs(x).sum(1, keepdims=True)
            + np.log(np.exp(x).sum(1, keepdims=True))
            + (x * x).sum(1, keepdims=True)
        ),
    ),
    "activations with parameters": (
        lambda x: mb.add(
            x=mb.clamped_relu(x=mb.prelu(x=x, alpha=BIAS[:3]), alpha=0.5, beta=0.75),
            y=mb.add(
                x=mb.scaled_tanh(x=mb.threshold(x=x, alpha=-0.5), alpha=2.0, beta=0.5),
                y=mb.linear_activation(x=x, alpha=3.0, beta=0.25),
            ),
        ),
        lambda x: (
            _clamped(np.where(x > 0, x, x * BIAS[:3, None, None]))
            + 2 * np.tanh(0.5 * np.maximum(x, -0.5))
            + (3 * x + 0.25)
        ),
    ),
    "crop": (
        lambda x: mb.crop(x=x, crop_height=[1, 2], crop_width=[0, 3]),
        lambda x: x[:, :, 1:-2, :-3],
    ),
    "pools of a number of windows that is rounded up": (
        lambda x: mb.add(
            x=mb.max_pool(
                x=x, kernel_sizes=[3, 2], strides=[2, 2], pad_type="valid", ceil_mode=True
            ),
            y=mb.avg_pool(
                x=x,
                kernel_sizes=[3, 2],
                strides=[2, 2],
                pad_type="valid",
                ceil_mode=True,
                exclude_padding_from_average=True,
            ),
        ),
        lambda x: (
            functional.max_pool2d(torch.from_numpy(x), (3, 2), 2, ceil_mode=True)
            + functional.avg_pool2d(
                torch.from_numpy(x), (3, 2), 2, ceil_mode=True, count_include_pad=False
            )
        ).numpy(),
    ),
    "instance_norm": (
        lambda x: mb.instance_norm(x=x, gamma=BIAS[:3], beta=BIAS[2:5], epsilon=1e-3),
        lambda x: (
            (x - x.mean((2, 3), keepdims=True))
            / np.sqrt(x.var((2, 3), keepdims=True) + np.float32(1e-3))
            * BIAS[:3, None, None]
            + BIAS[2:5, None, None]
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_function(name: str, tmp_path: Path) -> None:
    build, expected = CASES[name]
    assert check_program(build, expected, tmp_path).batchable
