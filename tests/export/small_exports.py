"""One network quantized, exported in one format after another, and run in their runtimes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from export.base import ExportSource
from export.format_info import FORMAT_INFO, NumberType
from export.formats import FORMATS
from quantize import judging
from quantize.graph.capture import Captured, capture
from quantize.program import Program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights

CALIBRATION, CHECKED = 16, 4


class SmallExport:
    """``module`` at ``size`` pixels, quantized once by ``recipe``; artefacts go to ``folder``."""

    def __init__(
        self, module: nn.Module, folder: Path, size: int = 32, recipe: str = "ptq-fast"
    ) -> None:
        self.module, self._folder, self._recipe = module.eval(), folder, recipe
        self._spec = InputSpec(size, size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0)

    @cached_property
    def captured(self) -> Captured:
        return capture(self.module, self._spec)

    @cached_property
    def program(self) -> Program:
        network = Network(
            "small", self.module, self._spec, (), 0, "user", Weights("random", seed=0)
        )
        images = smooth_noise(CALIBRATION, self._spec.height).numpy()
        return quantize_captured(self.captured, network, images, load_recipe(self._recipe))

    @cached_property
    def images(self) -> Tensor:
        return smooth_noise(CHECKED, self._spec.height, seed=11)

    @cached_property
    def expected(self) -> Tensor:
        """The float network's results."""
        with torch.no_grad():
            result = self.module(self.images)
        assert isinstance(result, Tensor)
        return result

    @cached_property
    def program_sqnr(self) -> float:
        """The program against the float network, dB."""
        return judging.sqnr_db(self.expected, self.program.module()(self.images))

    def export(self, form: str, precision: NumberType = "int8") -> Path:
        path = self._folder / f"{precision}{FORMAT_INFO[form].suffix}"
        program = self.program if precision == "int8" else None
        FORMATS[form].export(
            ExportSource(precision, self._spec, self.captured.graph, program), path
        )
        return path

    def sqnr(self, form: str, precision: NumberType = "int8") -> float:
        """The artefact in its runtime against what it was made from, dB."""
        path = self.export(form, precision)
        actual = logits_of(RUNTIMES[form].load(path, threads=1).run(self.images.numpy()))
        with torch.no_grad():
            made_from = self.program.module() if precision == "int8" else self.module
            return judging.sqnr_db(made_from(self.images), torch.from_numpy(np.asarray(actual)))


def smooth_noise(count: int, size: int, seed: int = 1) -> Tensor:
    """Pre-processed images (count, 3, size, size): noise with a smooth part, as photos have."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, 4, 4, generator=generator)
    smooth = functional.interpolate(coarse, size=(size, size), mode="bilinear")
    return smooth + 0.3 * torch.randn(count, 3, size, size, generator=generator)
