"""Which layer hurts: against plain reruns, the 6 dB law and a layer ruined on purpose."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from quantize.analysis.layers import layers_of, operator_costs
from quantize.analysis.sensitivity import Sensitivity, sensitivity
from quantize.program import Program
from quantize.ptq import quantize
from quantize.qparams import QParams, QuantizedWeight
from quantize.recipe import load_recipe
from tests.quantize.small_networks import SPEC, Joined, noise_images, tiny_network
from zoo.counting import count
from zoo.errors import InputError
from zoo.networks import Network, Weights

IMAGES = torch.from_numpy(noise_images(24, seed=3))


@pytest.fixture(scope="module")
def program(plain: Program) -> Program:
    """Before corrections, as the command measures: behind them a KL is hardly more than float's
    own errors."""
    return plain


@pytest.fixture(scope="module")
def found(program: Program) -> Sensitivity:
    return sensitivity(program, IMAGES)


def _float_logits(program: Program) -> Tensor:
    with torch.no_grad():
        logits = program.graph(IMAGES)
    assert isinstance(logits, Tensor)
    return logits


def _geometric_mean_kl(reference: Tensor, other: Tensor) -> float:
    """The geometric mean of the images' KL."""
    p, q = (torch.log_softmax(logits.double(), 1) for logits in (reference, other))
    return float((p.exp() * (p - q)).sum(1).clamp_min(1e-9).log().mean().exp())


def _only(program: Program, node: str) -> Program:
    """The program with one layer in int8: its weights, and the value behind its clamp."""
    layer = next(layer for layer in layers_of(program) if layer.node == node)
    value = layer.value
    grids = {n: g for n, g in program.activations.items() if n == value}
    plan = replace(program.plan, observed=tuple(grids), shared={})
    weights = {n: w for n, w in program.weights.items() if n == node}
    return replace(program, plan=plan, activations=grids, weights=weights)


def _without(program: Program, node: str) -> Program:
    layer = next(layer for layer in layers_of(program) if layer.node == node)
    weights = {n: w for n, w in program.weights.items() if n != node}
    carried = {n for n, owner in program.plan.shared.items() if owner == layer.value}
    observed = tuple(n for n in program.plan.observed if n != layer.value)
    shared = {n: o for n, o in program.plan.shared.items() if n not in carried}
    plan = replace(program.plan, observed=observed, shared=shared)
    return replace(program, plan=plan, weights=weights)


def test_every_question_has_the_answer_of_a_whole_pass(
    program: Program, found: Sensitivity
) -> None:
    reference = _float_logits(program)
    whole = _geometric_mean_kl(reference, program.module()(IMAGES))
    assert found.kl == pytest.approx(whole, rel=1e-3)
    assert found.images == len(IMAGES)
    assert len(found.layers) == len(layers_of(program)) > len(program.weights)
    for entry in found.layers:
        alone = _only(program, entry.layer.node).module()(IMAGES)
        without = _without(program, entry.layer.node).module()(IMAGES)
        assert entry.kl_alone == pytest.approx(_geometric_mean_kl(reference, alone), rel=5e-2)
        assert entry.kl_without == pytest.approx(_geometric_mean_kl(reference, without), rel=5e-2)


def test_layers_are_ranked_and_named_as_the_user_knows_them(found: Sensitivity) -> None:
    damage = [entry.kl_alone for entry in found.layers]
    assert damage == sorted(damage, reverse=True)
    assert sorted(entry.position for entry in found.layers) == list(range(len(found.layers)))
    modules = dict(tiny_network().module.named_modules())
    for entry in found.layers:
        if entry.layer.weighted:
            assert isinstance(modules[entry.layer.module], nn.Conv2d)
    first = next(entry for entry in found.layers if entry.position == 0)
    assert first.layer.operator == "input" and not first.layer.weighted


def test_macs_are_those_of_the_network(program: Program, found: Sensitivity) -> None:
    counted = count(tiny_network().module, SPEC.shape).macs
    assert sum(entry.cost.macs for entry in found.layers) == counted
    costs = operator_costs(program.graph, SPEC)
    stem = next(layer for layer in layers_of(program) if layer.weighted)
    # 3 x 3 x 3 -> 8 channels at stride 2 of 32 pixels.
    assert costs[stem.node].macs == 8 * 16 * 16 * 27
    assert costs[stem.node].elements == 3 * 32 * 32 + 8 * 16 * 16


def test_a_ruined_layer_ranks_first(program: Program) -> None:
    victim = list(program.weights)[3]
    weight = program.weights[victim]
    # Two bits: values that were up to 127 steps of s are now one step of 127 s.
    coarse = QuantizedWeight(
        (weight.values.float() / 127).round().to(torch.int8), weight.scale * 127
    )
    ruined = replace(program, weights={**program.weights, victim: coarse})
    worst = sensitivity(ruined, IMAGES)
    assert worst.layers[0].layer.node == victim
    assert min(worst.layers, key=lambda entry: entry.kl_without).layer.node == victim
    entry = worst.layers[0]
    assert entry.weight_sqnr_db is not None and entry.activation_sqnr_db is not None
    assert entry.weight_sqnr_db < entry.activation_sqnr_db - 10
    assert entry.kl_without < worst.kl / 3


@pytest.mark.parametrize(("bits", "step"), [(8, 1), (7, 2), (5, 8)])
def test_a_uniform_signal_loses_six_decibels_a_bit(program: Program, bits: int, step: int) -> None:
    """Uniform noise over 2**bits steps: SQNR = 20 log10(2**bits) = 6.02 dB a bit."""
    name = program.plan.observed[0]
    uniform = torch.rand(16, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    grid = QParams(step / 128, 0)
    asked = replace(program, activations={**program.activations, name: grid})
    entry = next(e for e in sensitivity(asked, uniform).layers if e.layer.operator == "input")
    assert entry.sqnr_db == pytest.approx(20 * bits * 0.30103, abs=0.25)
    assert entry.weight_sqnr_db is None and entry.activation_sqnr_db == entry.sqnr_db


def test_values_that_share_a_grid_are_switched_with_their_makers() -> None:
    torch.manual_seed(1)
    network = Network("joined", Joined().eval(), SPEC, tuple("abcde"), 5, "user", Weights("random"))
    program = quantize(network, noise_images(32), load_recipe("ptq-fast"))
    found = sensitivity(program, IMAGES)
    names = [e.layer.module for e in sorted(found.layers, key=lambda e: e.position)]
    assert names[:3] == ["x", "a", "b"] and names[-1] == "head"
    assert not {"cat", "max_pool2d"} & {entry.layer.operator for entry in found.layers}
    whole = _geometric_mean_kl(_float_logits(program), program.module()(IMAGES))
    assert found.kl == pytest.approx(whole, rel=1e-3)


def test_no_images_are_refused(program: Program) -> None:
    with pytest.raises(InputError, match="no images"):
        sensitivity(program, IMAGES[:0])
