"""Several named outputs through capture, quantization and training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from quantize.analysis.sensitivity import sensitivity
from quantize.api import fine_tune
from quantize.graph.capture import capture, load_captured
from quantize.graph.passes.surgery import module_path
from quantize.program import Program, load_program
from quantize.ptq import quantize
from quantize.recipe import Recipe, Training, load_recipe
from tests.quantize.small_networks import noise_images
from tests.tasks.two_outputs import INTERFACE, SPEC, TwoOutputsTask, two_outputs


@pytest.fixture
def two(two_outputs_task: TwoOutputsTask) -> Program:
    return quantize(two_outputs(), noise_images(48), load_recipe("ptq"))


def test_a_graph_returns_the_outputs_in_order(tmp_path: Path) -> None:
    network = two_outputs()
    captured = capture(network.module, SPEC, INTERFACE)
    captured.save(tmp_path / "graph")
    loaded = load_captured(tmp_path / "graph")
    assert loaded.interface == captured.interface == INTERFACE
    x = torch.from_numpy(noise_images(3))
    with torch.no_grad():
        expected = network.module(x)
        for graph in (captured.graph, loaded.graph):
            found = INTERFACE.named(graph(x))
            assert list(found) == ["scores", "mask"]
            torch.testing.assert_close(found["scores"], expected["head"]["scores"])
            torch.testing.assert_close(found["mask"], expected["out"])
    # Modules are named as the user knows them, not by what selects among the outputs.
    paths = {module_path(node) for node in captured.graph.graph.nodes} - {""}
    assert paths <= {name for name, _ in network.module.named_modules()}


def test_int8_follows_float_in_every_output(two: Program, tmp_path: Path) -> None:
    summary = two.summary
    assert summary.sqnr_db > 20 and summary.agreement > 0.9
    assert {"bias_correction", "output_ranges", "reconstruction"} <= set(summary.kept)
    assert len(two.weights) == 4
    two.save(tmp_path / "program")
    loaded = load_program(tmp_path / "program")
    assert loaded.interface == INTERFACE
    x = torch.from_numpy(noise_images(4, seed=5))
    for ours, theirs in zip(two.module()(x), loaded.module()(x), strict=True):
        assert torch.equal(ours, theirs)


def test_training_and_sensitivity_ask_the_task(two: Program) -> None:
    recipe = Recipe(name="short", method="qat", qat=Training(steps=30, evaluate_every=10))
    trained = fine_tune(two, noise_images(64), recipe)
    assert trained.interface == INTERFACE and "qat" in trained.summary.kept
    found = sensitivity(two, torch.from_numpy(noise_images(8)))
    assert {entry.layer.module for entry in found.layers} >= {"mask", "scores", "stem.0"}
    assert found.kl > 0
