"""Artefacts of the network of two outputs, and what they are made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.base import ExportSource
from export.format_info import FORMAT_INFO, NumberType
from export.formats import FORMATS
from quantize.graph.capture import capture
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes.module_session import run_module
from tasks.table import TASKS
from tests.quantize.small_networks import noise_images
from tests.tasks.two_outputs import INTERFACE, SPEC, TwoOutputsTask, two_outputs

IMAGES = noise_images(3, seed=4)


class TwoOutputsArtefacts:
    """Exports on demand and keeps what it made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        torch.set_num_threads(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(TASKS, "segmentation", TwoOutputsTask())
            self.program = quantize(two_outputs(), noise_images(32), load_recipe("ptq-fast"))
        self.captured = capture(two_outputs().module, SPEC, INTERFACE)

    def source(self, precision: NumberType) -> ExportSource:
        """What is exported."""
        if precision == "int8":
            return ExportSource(precision, SPEC, self.program.graph, self.program)
        graph, interface = self.captured.graph, self.captured.interface
        return ExportSource(precision, SPEC, graph, float_interface=interface)

    def __call__(self, format_name: str, precision: NumberType) -> Path:
        """The artefact of that format and precision."""
        path = self._folder / f"{precision}{FORMAT_INFO[format_name].suffix}"
        if not path.exists():
            FORMATS[format_name].export(self.source(precision), path)
        return path

    def expected(self, precision: NumberType) -> dict[str, NDArray[np.float32]]:
        """What the artefact's reference makes of ``IMAGES``."""
        module = self.program.module() if precision == "int8" else self.captured.graph
        return run_module(module, INTERFACE, IMAGES)
