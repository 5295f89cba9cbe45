"""Finding the layer at which an artefact leaves what it was made from."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.fx import Node

from export.base import ExportSource
from export.parting import beginning, first_unequal, layers
from quantize.graph.interpret import HookedInterpreter
from quantize.program import Program, with_dequantized_weights
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.export.conftest import Workshop
from tests.quantize.small_networks import SPEC, joined_ranges, noise_images


def _source(program: Program) -> ExportSource:
    return ExportSource("int8", SPEC, program.graph, program)


@torch.no_grad()
def _value(program: Program, name: str, images: Tensor) -> Tensor:
    """The program's value of that name, by running all of it."""
    seen: dict[str, Tensor] = {}

    def see(node: Node, value: Tensor) -> Tensor:
        grid = program.qparams(node.name)
        seen[node.name] = value if grid is None else grid.fake_quantize(value)
        return seen[node.name]

    HookedInterpreter(with_dequantized_weights(program), see).run(images)
    return seen[name]


@pytest.fixture(scope="module")
def joined() -> Program:
    """A program in which the owner of a grid is computed after another value on it."""
    network = joined_ranges(torch.relu, swapped=True)
    return quantize(network, noise_images(32), load_recipe("ptq-fast"))


def test_every_layer_is_found_by_itself(workshop: Workshop, joined: Program) -> None:
    for program in (workshop.program, joined):
        places = layers(program.graph)
        assert len(places) > 5
        for wrong in places:
            asked: list[str] = []

            def equals(
                part: ExportSource,
                layer: str,
                wrong: Node = wrong,
                asked: list[str] = asked,
            ) -> bool:
                asked.append(layer)
                return wrong.name not in {node.name for node in part.graph.graph.nodes}

            found = first_unequal(_source(program), equals)
            operator = str(wrong.target).removeprefix("aten.").partition(".")[0]
            assert found is not None and found.endswith(f"{operator})")
            assert len(asked) < len(places)


def test_nothing_is_named_where_every_beginning_is_right(joined: Program) -> None:
    assert first_unequal(_source(joined), lambda part, layer: True) is None


def test_a_beginning_computes_what_the_program_does_there(
    workshop: Workshop, joined: Program
) -> None:
    images = torch.from_numpy(noise_images(2, seed=7))
    for program in (workshop.program, joined):
        for place in layers(program.graph):
            part = beginning(_source(program), place.name)
            assert part.program is not None
            found: Tensor = part.program.module()(images)
            assert found.ndim == 2
            torch.testing.assert_close(found, _value(program, place.name, images).flatten(1))


def test_a_float_graph_has_beginnings_too(workshop: Workshop) -> None:
    graph = workshop.program.graph
    source = ExportSource("fp32", SPEC, graph)
    part = beginning(source, layers(graph)[3].name)
    assert part.program is None
    assert isinstance(part.graph, nn.Module)
    assert part.graph(torch.zeros(SPEC.shape)).ndim == 2
