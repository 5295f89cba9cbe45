"""What leaves int8 with an operator, and which operators the greedy search leaves in float."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from quantize.analysis.layers import layers_of, operator_costs
from quantize.analysis.mixed_precision import (
    Trials,
    float_plan,
    mixed_precision,
    with_float_operators,
)
from quantize.graph.passes.surgery import shape_of
from quantize.program import Program, load_program
from quantize.ptq import quantize
from quantize.qparams import QParams, QuantizedWeight
from quantize.recipe import MixedPrecision, load_recipe
from tasks.classification.distance import image_kl
from tests.quantize.small_networks import SPEC, Joined, noise_images
from zoo.networks import Network, Weights

IMAGES = torch.from_numpy(noise_images(24, seed=3))
WIDE = MixedPrecision(max_operators=4, max_cost_share=1.0, min_gain=0.1)


@pytest.fixture(scope="module")
def branches() -> Program:
    torch.manual_seed(1)
    network = Network("b", Joined().eval(), SPEC, tuple("abcde"), 5, "user", Weights("random"))
    return quantize(network, noise_images(32), load_recipe("ptq-fast"))


def _nodes(program: Program) -> dict[str, str]:
    return {layer.module: layer.node for layer in layers_of(program)}


def _float_values(program: Program, *modules: str) -> set[str]:
    """The modules whose results leave int8 when ``modules`` do."""
    nodes = _nodes(program)
    plan = float_plan(program.graph, program.plan, frozenset(nodes[m] for m in modules))
    values = {layer.module: layer.value for layer in layers_of(program) if layer.value}
    return {module for module, value in values.items() if plan.owner(value) is None}


def test_a_value_is_float_once_no_integer_operator_touches_it(branches: Program) -> None:
    pool = next(layer.module for layer in layers_of(branches) if "pool" in layer.operator)
    assert _float_values(branches) == set()
    assert _float_values(branches, "a") == {"x"}
    assert _float_values(branches, "b") == set()
    # a's and b's results share a grid, which the pool behind the concatenation reads.
    assert _float_values(branches, "a", "b") == {"x"}
    assert _float_values(branches, "a", "b", pool) == {"x", "a", "b"}
    assert _float_values(branches, "head") == {"head"}
    assert _float_values(branches, "head", pool) == {"head", pool}
    everything = {layer.module for layer in layers_of(branches)}
    assert _float_values(branches, *(everything - {"x"})) == everything


def test_nothing_in_int8_is_the_float_network(branches: Program) -> None:
    layers = frozenset(layer.node for layer in layers_of(branches))
    mixed = with_float_operators(branches, layers)
    assert not mixed.activations and not mixed.weights
    with torch.no_grad():
        assert torch.equal(mixed.module()(IMAGES), branches.graph(IMAGES))


def test_a_mixed_program_is_stored_whole(branches: Program, tmp_path: Path) -> None:
    mixed = with_float_operators(branches, frozenset({_nodes(branches)["b"]}))
    assert mixed.summary.float_operators == ["b (conv2d)"]
    mixed.save(tmp_path / "program")
    loaded = load_program(tmp_path / "program")
    assert layers_of(loaded) == layers_of(mixed)
    assert loaded.plan == mixed.plan and loaded.summary == mixed.summary
    assert torch.equal(loaded.module()(IMAGES), mixed.module()(IMAGES))


def _ruined(program: Program, victim: str) -> Program:
    weight = program.weights[victim]
    coarse = (weight.values.float() / 127).round().to(torch.int8)
    ruined = QuantizedWeight(coarse, weight.scale * 127)
    return replace(program, weights={**program.weights, victim: ruined})


def _judge(program: Program) -> tuple[list[Program], Callable[[Program], float]]:
    images = torch.from_numpy(noise_images(24, seed=8))
    with torch.no_grad():
        reference = program.graph(images)
    asked: list[Program] = []

    def judge(trial: Program) -> float:
        asked.append(trial)
        return float(image_kl(reference, trial.module()(images)).mean())

    return asked, judge


def test_a_ruined_layer_is_left_in_float(program: Program) -> None:
    victim = list(program.weights)[3]
    ruined = _ruined(program, victim)
    _, judge = _judge(program)
    mixed = mixed_precision(Trials(ruined, IMAGES), judge, WIDE)
    assert victim not in mixed.weights
    assert judge(mixed) < judge(ruined) / 3
    assert 1 <= len(mixed.summary.float_operators) <= 4


def test_a_ruined_value_takes_its_readers_along(program: Program) -> None:
    """Weights in float do not help where the result is rounded: all that touch it must leave."""
    layer = [layer for layer in layers_of(program) if layer.operator == "conv2d"][3]
    assert layer.value is not None
    grid = program.activations[layer.value]
    coarse = QParams(grid.scale * 128, grid.zero_point)
    ruined = replace(program, activations={**program.activations, layer.value: coarse})
    _, judge = _judge(program)
    mixed = mixed_precision(Trials(ruined, IMAGES), judge, WIDE)
    assert mixed.plan.owner(layer.value) is None
    assert judge(mixed) < judge(ruined) / 3


def test_the_budget_is_kept(program: Program) -> None:
    victim = list(program.weights)[3]
    ruined = _ruined(program, victim)
    asked, judge = _judge(program)
    costs = operator_costs(program.graph, SPEC)
    layers = {layer.node for layer in layers_of(program)} & set(costs)
    share = costs[victim].total / sum(costs[name].total for name in layers)
    tight = WIDE.model_copy(update={"max_cost_share": 0.99 * share})
    assert victim in mixed_precision(Trials(ruined, IMAGES), judge, tight).weights
    loose = WIDE.model_copy(update={"max_cost_share": 1.01 * share, "max_operators": 1})
    mixed = mixed_precision(Trials(ruined, IMAGES), judge, loose)
    assert set(ruined.weights) - set(mixed.weights) == {victim}
    assert all(len(trial.summary.float_operators) <= 4 for trial in asked)


def test_nothing_is_left_in_float_without_a_gain(program: Program) -> None:
    assert mixed_precision(Trials(program, IMAGES), lambda _: 1.0, WIDE) is program


@pytest.mark.parametrize("gates_alone", [True, False])
def test_what_makes_one_value_a_channel_is_one_choice(plain: Program, gates_alone: bool) -> None:
    """Squeeze-excite with its pool but without its product, or all layers of one pixel."""
    pixel = {
        node.name
        for node in plain.graph.graph.nodes
        if node.op == "call_function" and tuple(shape_of(node)[2:]) == (1, 1)
    }
    layers = [layer for layer in layers_of(plain) if layer.node in pixel]
    gates = [layer for layer in layers if ".se" in layer.module]
    assert 3 < len(gates) < len(layers)
    chosen = gates if gates_alone else layers
    operators = {f"{layer.module} ({layer.operator})" for layer in chosen}

    def judge(trial: Program) -> float:
        return 0.1 if set(trial.summary.float_operators) == operators else 1.0

    ruined = plain
    for layer in chosen:
        if layer.weighted:
            ruined = _ruined(ruined, layer.node)
    budget = MixedPrecision(max_operators=64, max_cost_share=1.0, min_gain=0.1)
    mixed = mixed_precision(Trials(ruined, IMAGES), judge, budget)
    assert set(mixed.summary.float_operators) == operators


def test_where_the_best_choice_does_not_help_on_other_images_the_next_is_tried(
    program: Program,
) -> None:
    ruined = _ruined(program, list(program.weights)[3])
    asked, real = _judge(program)

    def judge(trial: Program) -> float:
        kl = real(trial)
        return 1e3 if len(asked) == 2 else kl  # of the first choice; the first is ``ruined``

    mixed = mixed_precision(Trials(ruined, IMAGES), judge, WIDE)
    assert len(asked) >= 3 and real(mixed) < real(ruined) / 3
    assert mixed.summary.float_operators != asked[1].summary.float_operators
