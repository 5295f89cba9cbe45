"""A whole detector in one file of every format: what it finds is what the network finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from quantize.graph.capture import capture
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.module_session import run_module
from tasks.table import TASKS
from tests.quantize.small_networks import noise_images
from tests.quantize.tiny_detector import SIDE, tiny_detector

TASK = TASKS["detection"]
NAMES = ["boxes", "scores", "labels", "masks"]


def _images(count: int, seed: int) -> NDArray[np.float32]:
    coarse = torch.from_numpy(noise_images(count, seed=seed))
    return np.asarray(torch.nn.functional.interpolate(coarse, size=(SIDE, SIDE)).numpy())


class Detectors:
    """The network and its artefacts on demand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        torch.set_num_threads(1)
        network = tiny_detector()
        self._spec = network.input_spec
        self._captured = capture(network.module, self._spec, network.interface)

    def export(self, format_name: str) -> Path:
        path = self._folder / f"fp32{FORMAT_INFO[format_name].suffix}"
        graph, interface = self._captured.graph, self._captured.interface
        source = ExportSource("fp32", self._spec, graph, float_interface=interface)
        FORMATS[format_name].export(source, path)
        return path

    def expected(self, x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return run_module(self._captured.graph, self._captured.interface, x)


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    return Detectors(tmp_path_factory.mktemp("detectors"))


@pytest.mark.parametrize("format_name", FORMATS)
def test_float_files_find_the_same(format_name: str, detectors: Detectors) -> None:
    x = _images(4, 7)
    session = RUNTIMES[format_name].load(detectors.export(format_name), 1)
    found, expected = session.run(x), detectors.expected(x)
    assert list(found) == NAMES
    assert (expected["scores"] > 0).sum() >= 8
    for name, value in TASK.aligned(expected, found).items():
        np.testing.assert_allclose(value, expected[name], atol=2e-3, err_msg=name)
