"""A whole detector in one file of every format: what it finds is what the network finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.base import ExportSource
from export.format_info import FORMAT_INFO, NumberType
from export.formats import FORMATS
from export.inspection import inspect
from quantize.graph.capture import capture
from quantize.graph.operators import WEIGHTED
from quantize.graph.passes.surgery import aten, calls
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.module_session import run_module
from tasks.agreement import agreement
from tasks.table import TASKS
from tests.quantize.small_networks import noise_images
from tests.quantize.tiny_detector import SIDE, tiny_detector

TASK = TASKS["detection"]
NAMES = ["boxes", "scores", "labels", "masks"]


def _images(count: int, seed: int) -> NDArray[np.float32]:
    coarse = torch.from_numpy(noise_images(count, seed=seed))
    return np.asarray(torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE)).numpy())


class Detectors:
    """The network, its program, and their artefacts on demand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        torch.set_num_threads(1)
        self.network = tiny_detector()
        self.captured = capture(
            self.network.module, self.network.input_spec, self.network.interface
        )
        self.program = quantize(self.network, _images(16, 1), load_recipe("ptq"))

    def export(self, format_name: str, precision: NumberType) -> Path:
        path = self._folder / f"{precision}{FORMAT_INFO[format_name].suffix}"
        spec = self.network.input_spec
        if precision == "int8":
            source = ExportSource("int8", spec, self.program.graph, self.program)
        else:
            interface = self.captured.interface
            source = ExportSource(precision, spec, self.captured.graph, float_interface=interface)
        FORMATS[format_name].export(source, path)
        return path

    def expected(self, precision: NumberType, x: NDArray[np.float32]) -> dict[str, Tensor]:
        module = self.program.module() if precision == "int8" else self.captured.graph
        return run_module(module, self.captured.interface, x)


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    return Detectors(tmp_path_factory.mktemp("detectors"))


def test_the_program_is_int8_where_layers_are(detectors: Detectors) -> None:
    program = detectors.program
    layers = list(calls(program.graph, *WEIGHTED))
    assert len(layers) > 20 and {node.name for node in layers} == set(program.weights)
    chosen = list(calls(program.graph, aten.topk.default, aten.gather.default, aten.exp.default))
    assert len(chosen) > 8
    assert [node.name for node in chosen if program.qparams(node.name) is not None] == []


@pytest.mark.parametrize("format_name", ["torchscript", "onnx", "coreml"])
def test_float_files_find_the_same(format_name: str, detectors: Detectors) -> None:
    x = _images(4, 7)
    session = RUNTIMES[format_name].load(detectors.export(format_name, "fp32"), 1)
    found, expected = session.run(x), detectors.expected("fp32", x)
    assert list(found) == NAMES
    assert (expected["scores"] > 0).sum() >= 8
    for name, value in TASK.aligned(expected, found).items():
        np.testing.assert_allclose(value, expected[name], atol=2e-3, err_msg=name)


@pytest.mark.parametrize("format_name", ["executorch", "torchscript", "onnx", "litert"])
def test_int8_files_find_what_the_program_finds(format_name: str, detectors: Detectors) -> None:
    x = _images(8, 8)
    path = detectors.export(format_name, "int8")
    session = RUNTIMES[format_name].load(path, 1)
    found, expected = session.run(x), detectors.expected("int8", x)
    assert list(found) == NAMES
    # Where scores are of no training, a value rounded to the neighbouring step decides which of two
    # equal boxes is kept: all four runtimes agree on 0.77 to 0.81. A wrong scale leaves none.
    assert agreement(TASK, expected, found) >= 0.6
    inspected = inspect(path)
    outside = [one for one in inspected.islands if one.kind != "outside the delegate"]
    float_share = sum(island.macs for island in outside) / inspected.macs
    assert inspected.int8_share == pytest.approx(1 - float_share) and inspected.int8_share > 0.8
