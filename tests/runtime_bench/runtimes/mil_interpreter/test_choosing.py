"""Operators that compare and choose against numpy, in programs saved by coremltools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb

from runtime_bench.runtimes.mil_interpreter import MilProgram
from tests.runtime_bench.runtimes.mil_interpreter.saved_programs import (
    IMAGE,
    Build,
    check_program,
    save_program,
)

HALF = np.float32(0.5)


def _number(comparison: Any) -> Any:
    return mb.cast(x=comparison, dtype="fp32")


def _best(x: Any, ascending: bool) -> Any:
    values, places = mb.topk(x=x, k=3, axis=3, ascending=ascending)
    return mb.add(x=values, y=mb.cast(x=places, dtype="fp32"))


def _best_in_numpy(x: np.ndarray, ascending: bool) -> np.ndarray:
    places = np.argsort(x if ascending else -x, axis=3, kind="stable")[..., :3]
    return np.asarray(np.take_along_axis(x, places, 3) + places)


CASES: dict[str, tuple[Build, Callable[[np.ndarray], Any]]] = {
    "comparisons": (
        lambda x: mb.add(
            x=mb.add(
                x=_number(mb.greater(x=x, y=HALF)), y=_number(mb.less(x=x, y=np.float32(-0.5)))
            ),
            y=mb.add(
                x=_number(mb.greater_equal(x=x, y=HALF)), y=_number(mb.less_equal(x=x, y=HALF))
            ),
        ),
        lambda x: ((x > 0.5) + 0.0) + (x < -0.5) + (x >= 0.5) + (x <= 0.5),
    ),
    "rounding": (
        lambda x: mb.add(
            x=mb.mul(x=mb.ceil(x=x), y=mb.floor(x=mb.mul(x=x, y=np.float32(3.0)))),
            y=mb.add(x=mb.mod(x=x, y=HALF), y=mb.floor_div(x=x, y=HALF)),
        ),
        lambda x: np.ceil(x) * np.floor(x * np.float32(3)) + np.mod(x, HALF) + x // HALF,
    ),
    "cast to integers": (
        lambda x: _number(mb.cast(x=mb.mul(x=x, y=np.float32(4.0)), dtype="int32")),
        lambda x: np.trunc(x * 4),
    ),
    "cast to places": (
        lambda x: _number(
            mb.cast(
                x=mb.cast(x=mb.abs(x=mb.mul(x=x, y=np.float32(9e3))), dtype="int32"), dtype="uint16"
            )
        ),
        lambda x: np.trunc(np.abs(x * np.float32(9e3))),
    ),
    "equal": (lambda x: _number(mb.equal(x=mb.abs(x=x), y=x)), lambda x: (np.abs(x) == x) + 0.0),
    "topk": (lambda x: _best(x, False), lambda x: _best_in_numpy(x, False)),
    "topk of the smallest": (lambda x: _best(x, True), lambda x: _best_in_numpy(x, True)),
    "gather_along_axis": (
        lambda x: mb.gather_along_axis(
            x=x, indices=mb.topk(x=mb.sub(x=np.float32(0.0), y=x), k=2, axis=2)[1], axis=2
        ),
        lambda x: np.take_along_axis(x, np.argsort(x, axis=2, kind="stable")[:, :, :2], 2),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, tmp_path: Path) -> None:
    build, expected = CASES[name]
    assert check_program(build, expected, tmp_path).batchable


def test_places_are_whole_where_values_are_half_precision(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        wide = mb.concat(values=[mb.reshape(x=x, shape=[1, 297])] * 10, axis=1)
        values, places = mb.topk(x=mb.cast(x=wide, dtype="fp16"), k=2970, axis=1)
        return mb.add(x=mb.cast(x=values, dtype="fp32"), y=mb.cast(x=places, dtype="fp32"))

    program = MilProgram.load(save_program(build, tmp_path / "case.mlpackage"))
    (found,) = program.run(torch.from_numpy(IMAGE)).values()
    half = np.tile(IMAGE.reshape(1, -1).astype(np.float16).astype(np.float32), 10)
    # Places up to 2969 are no numbers of float16; every one of them occurs once.
    places = found.numpy() - np.sort(half)[:, ::-1]
    assert sorted(places.round().astype(int)[0].tolist()) == list(range(2970))
