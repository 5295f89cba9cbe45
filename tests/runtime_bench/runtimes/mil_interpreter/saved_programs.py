"""Programs saved by coremltools and read back, to be checked against numpy or torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import torch
from coremltools.converters.mil import Builder as mb

from runtime_bench.runtimes.mil_interpreter import MilProgram
from tasks.logits import logits_of

GENERATOR = np.random.default_rng(0)
IMAGE = GENERATOR.standard_normal((1, 3, 9, 11)).astype(np.float32)
IMAGES = GENERATOR.standard_normal((5, 3, 9, 11)).astype(np.float32)
WEIGHT = GENERATOR.standard_normal((6, 3, 3, 3)).astype(np.float32)
BIAS = GENERATOR.standard_normal(6).astype(np.float32)

Build = Callable[[Any], Any]


def save_program(build: Build, path: Path, shape: tuple[int, ...] = IMAGE.shape) -> Path:
    @mb.program(input_specs=[mb.TensorSpec(shape)], opset_version=ct.target.iOS18)
    def program(image: Any) -> Any:
        return build(image)

    model = ct.convert(
        program,
        minimum_deployment_target=ct.target.iOS18,
        compute_precision=ct.precision.FLOAT32,
        pass_pipeline=ct.PassPipeline.EMPTY,
        skip_model_load=True,
    )
    model.save(str(path))
    return path


def check_program(build: Build, expected: Callable[[np.ndarray], Any], folder: Path) -> MilProgram:
    """One image, and several at once where the program says that it may."""
    program = MilProgram.load(save_program(build, folder / "case.mlpackage"))
    for batch in (IMAGE, IMAGES) if program.batchable else (IMAGE,):
        found = logits_of(program.run(torch.from_numpy(batch))).numpy()
        alone = np.concatenate([np.asarray(expected(image[None])) for image in batch])
        np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-5)
    return program
