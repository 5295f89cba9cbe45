"""What a program is besides its operators: half precision, batches, and what is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.mil_interpreter import MilProgram
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import Artefacts, answers, images
from tests.runtime_bench.runtimes.mil_interpreter.saved_programs import (
    IMAGE,
    save_program,
)
from zoo.errors import InputError


def test_half_precision_rounds_every_result(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        half = mb.cast(x=x, dtype="fp16")
        return mb.cast(x=mb.mul(x=mb.mul(x=half, y=half), y=half), dtype="fp32")

    def expected(x: np.ndarray) -> np.ndarray:
        half = x.astype(np.float16)
        return (half * half * half).astype(np.float32)

    program = MilProgram.load(save_program(build, tmp_path / "half.mlpackage"))
    found = logits_of(program.run(torch.from_numpy(IMAGE))).numpy()
    np.testing.assert_array_equal(found, expected(IMAGE))
    assert program.batchable


def test_half_precision_input_is_rounded(tmp_path: Path) -> None:
    @mb.program(
        input_specs=[mb.TensorSpec(IMAGE.shape, dtype=types.fp16)], opset_version=ct.target.iOS17
    )
    def half(image: Any) -> Any:
        return mb.relu(x=image)

    path = tmp_path / "half.mlpackage"
    ct.convert(half, minimum_deployment_target=ct.target.iOS17, skip_model_load=True).save(
        str(path)
    )
    found = logits_of(MilProgram.load(path).run(torch.from_numpy(IMAGE))).numpy()
    np.testing.assert_array_equal(found, np.maximum(IMAGE.astype(np.float16), 0))


def test_unknown_operator_is_named(tmp_path: Path) -> None:
    path = save_program(lambda x: mb.band_part(x=x, lower=1), tmp_path / "unknown.mlpackage")
    with pytest.raises(InputError, match="operator 'band_part'") as error:
        RUNTIMES["coreml"].load(path, threads=1)
    assert "\n" not in str(error.value)


def test_unknown_option_is_named(tmp_path: Path) -> None:
    path = save_program(
        lambda x: mb.concat(values=[x, x], axis=1, interleave=True), tmp_path / "o.mlpackage"
    )
    session = RUNTIMES["coreml"].load(path, threads=1)
    with pytest.raises(InputError, match=r"'concat'.*interleave"):
        session.run(IMAGE)


def test_every_image_of_a_batch_is_as_if_alone(artefacts: Artefacts) -> None:
    batch = images(21)
    session = RUNTIMES["coreml"].load(artefacts("coreml", "int8"), threads=1)
    together = logits_of(session.run(batch))
    alone = np.concatenate([logits_of(session.run(batch[i : i + 1])) for i in range(21)])
    # One step of the logits' grid, where another order of additions crosses a tie.
    assert np.mean(together == alone) > 0.95
    assert np.abs(together - alone).max() < 0.02 * np.abs(answers(artefacts.network, batch)).max()
