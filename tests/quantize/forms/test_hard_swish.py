"""Hard-swish as an addition and a product of int8 values."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize import judging
from quantize.forms.hard_swish import float_between, product_form
from quantize.forms.qdq import to_reference_dialect
from quantize.graph.capture import capture
from quantize.graph.passes.surgery import aten, calls
from quantize.program import Program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from tests.quantize.small_networks import SPEC, noise_images, tiny_network


def test_no_hard_swish_is_left_and_the_values_stay(program: Program) -> None:
    swishes = len(list(calls(program.graph, aten.hardswish.default)))
    written, count = product_form(program)
    assert count == swishes > 0
    assert not list(calls(written.graph, aten.hardswish.default))
    x = torch.from_numpy(noise_images(32, seed=4))
    before, after = program.module()(x), written.module()(x)
    # The gate's grid adds a rounding of its own, of half a step in 255.
    assert judging.sqnr_db(before, after) > 25
    assert torch.equal(to_reference_dialect(written)(x[:2]), written.module()(x[:2]))


def test_int8_weights_do_not_change(program: Program) -> None:
    written, _ = product_form(program)
    assert set(written.weights) == set(program.weights)
    sixths = 0
    for name, weight in program.weights.items():
        assert torch.equal(weight.values, written.weights[name].values)
        ratio = weight.scale / written.weights[name].scale
        sixths += int(torch.allclose(ratio, torch.tensor(6.0)))
        assert torch.allclose(ratio, ratio[0].expand_as(ratio))
    assert sixths > 0


def test_value_that_reaches_an_addition_is_divided_before() -> None:
    class Added(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
            self.c = nn.Conv2d(4, 5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.c(F.hardswish(self.a(x)) + self.b(x)).mean((2, 3))

    torch.manual_seed(0)
    network = tiny_network()
    captured = capture(Added(), SPEC)
    program = quantize_captured(captured, network, noise_images(16), load_recipe("ptq-fast"))
    written, count = product_form(program)
    assert count == 1
    assert {n: g for n, g in written.activations.items() if n in program.activations}.items() <= (
        program.activations.items()
    )
    x = torch.from_numpy(noise_images(8, seed=4))
    assert judging.sqnr_db(program.module()(x), written.module()(x)) > 30


def test_nothing_is_rounded_between_a_layer_and_its_hard_swish(program: Program) -> None:
    written, count = float_between(program)
    swishes = list(calls(written.graph, aten.hardswish.default))
    assert count == len(swishes) > 0
    assert all(written.qparams(swish.args[0].name) is None for swish in swishes)
    assert all(written.qparams(swish.name) == program.qparams(swish.name) for swish in swishes)
    dialect = to_reference_dialect(written)
    for swish in calls(dialect, aten.hardswish.default):
        assert swish.args[0].target == aten.conv2d.default


def test_an_exact_gate_rounds_nothing_that_hard_swish_would_not(plain: Program) -> None:
    x = torch.from_numpy(noise_images(32, seed=4))
    expected = plain.module()(x)
    rounded, exact = (product_form(plain, exact_gate=kind)[0] for kind in (False, True))
    assert not list(calls(exact.graph, aten.hardswish.default))
    errors = [float((expected - form.module()(x)).abs().max()) for form in (rounded, exact)]
    assert errors[1] < 0.5 * errors[0]


class Swished(nn.Module):
    """Hard-swish of a value of ``rank`` dimensions, read by the last layer or first added to."""

    def __init__(self, rank: int, added: bool) -> None:
        super().__init__()
        self.rank, self.added = rank, added
        self.a, self.b = nn.Conv2d(3, 8, 3, stride=8), nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.relu(self.a(x))
        rows = {2: maps.mean((2, 3)), 3: maps.flatten(2).transpose(1, 2)}[self.rank]
        values = self.b(rows)
        swished = F.hardswish(values) + (values if self.added else 0)
        return self.head(swished if self.rank == 2 else swished.mean(1))


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("rank", [2, 3])
def test_constants_add_no_dimensions(rank: int, added: bool) -> None:
    torch.manual_seed(0)
    module = Swished(rank, added)
    program = quantize_captured(
        capture(module, SPEC), tiny_network(), noise_images(16), load_recipe("ptq-fast")
    )
    written, count = product_form(program)
    assert count == 1
    x = torch.from_numpy(noise_images(8, seed=4))
    before, after = program.module()(x), written.module()(x)
    assert after.shape == before.shape
    assert judging.sqnr_db(before, after) > 25
