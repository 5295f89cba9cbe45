"""Operators left in float: every format keeps them there, and computes what the program does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from export.inspection import inspect
from quantize import judging
from quantize.analysis.layers import layers_of, operator_costs, weights_of
from quantize.analysis.mixed_precision import with_float_operators
from quantize.program import Program
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from tests.export.conftest import Workshop
from tests.quantize.small_networks import noise_images

CASES = [(form, variant) for form, info in FORMAT_INFO.items() for variant in info.files("int8")]


def _chosen(program: Program) -> frozenset[str]:
    """A layer between int8 values, two with a float value between, and the one of the output."""
    weighted = [layer.node for layer in layers_of(program) if layer.weighted]
    return frozenset({weighted[2], *weighted[4:6], weighted[-1]})


@pytest.fixture(scope="module")
def mixed(workshop: Workshop) -> Program:
    return with_float_operators(workshop.program, _chosen(workshop.program))


@pytest.mark.parametrize(("form", "variant"), CASES)
def test_every_format_computes_what_the_mixed_program_does(
    mixed: Program, tmp_path: Path, form: str, variant: str
) -> None:
    exporter = FORMATS[form]
    path = tmp_path / f"model{FORMAT_INFO[form].suffix}"
    exporter.export(ExportSource("int8", mixed.input_spec, mixed.graph, mixed), path, variant)
    images = noise_images(8, seed=11)
    actual = torch.from_numpy(logits_of(RUNTIMES[form].load(path, threads=1).run(images)))
    assert judging.sqnr_db(mixed.module()(torch.from_numpy(images)), actual) > 25
    if variant != "s8s8":  # onnxruntime fuses only half of those on this processor
        costs = operator_costs(mixed.graph, mixed.input_spec)
        left = sum(costs[name].macs for name in _chosen_nodes(mixed))
        whole = sum(cost.macs for cost in costs.values())
        share = inspect(path).int8_share
        assert share == pytest.approx(1 - left / whole, abs=1e-6)


def _chosen_nodes(mixed: Program) -> list[str]:
    return [node.name for node in weights_of(mixed.graph) if node.name not in mixed.weights]


def test_the_first_layer_reads_a_float_input(workshop: Workshop) -> None:
    """An input that no integer operator reads has no grid, so LiteRT's file takes it as it is."""
    first = next(layer.node for layer in layers_of(workshop.program) if layer.weighted)
    mixed = with_float_operators(workshop.program, frozenset({first}))
    assert mixed.qparams("x") is None and first not in mixed.weights
    assert len(mixed.weights) == len(workshop.program.weights) - 1
