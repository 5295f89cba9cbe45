"""The pipeline end to end on a small network, and the mathematics of its steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.fx import GraphModule, Node

from quantize import judging
from quantize.analysis.mixed_precision import with_float_operators
from quantize.corrections import bias_correction
from quantize.corrections.bias_correction import CORRECTION_IMAGES, bias_corrections
from quantize.corrections.equalization import groups
from quantize.forms.qdq import to_reference_dialect
from quantize.graph.capture import capture
from quantize.graph.interpret import HookedInterpreter, batched_outputs, largest_value_bytes
from quantize.graph.operators import WEIGHTED
from quantize.graph.passes.surgery import calls, tensor_of
from quantize.grids.calibrate import calibrate
from quantize.program import Program, corrected, load_program, with_dequantized_weights
from quantize.ptq import quantize
from quantize.qparams import QParams, QuantizedWeight
from quantize.recipe import Corrections, Recipe, load_recipe, ranges_only
from quantize.split import split
from tests.quantize.small_networks import SPEC, noise_images, tiny_network
from zoo.errors import InputError
from zoo.networks import Network, Weights
from zoo.outputs import Interface, OutputSpec


def test_int8_follows_float(program: Program) -> None:
    network, x = tiny_network(), torch.from_numpy(noise_images(64, seed=9))
    with torch.no_grad():
        expected = network.module(x)
    actual = batched_outputs(program.module(), x, 16)
    assert judging.sqnr_db(expected, actual) > 20
    assert float((expected.argmax(1) == actual.argmax(1)).double().mean()) > 0.9
    # The float graph inside differs only by what bias correction changed.
    assert program.summary.calibration_images == 48
    assert program.summary.held_out_images == 16


def test_same_images_give_the_same_program(program: Program) -> None:
    again = quantize(tiny_network(), noise_images(64), load_recipe("ptq"))
    assert again.ranges_sha256() == program.ranges_sha256()
    other = quantize(tiny_network(), noise_images(64, seed=2), load_recipe("ptq"))
    assert other.ranges_sha256() != program.ranges_sha256()


def test_saved_program_is_the_same_program(program: Program, tmp_path: Path) -> None:
    program.save(tmp_path / "program")
    loaded = load_program(tmp_path / "program")
    x = torch.from_numpy(noise_images(3, seed=5))
    assert torch.equal(program.module()(x), loaded.module()(x))
    assert loaded.ranges_sha256() == program.ranges_sha256()
    assert loaded.summary == program.summary


def test_damaged_program_is_one_line(program: Program, tmp_path: Path) -> None:
    program.save(tmp_path / "program")
    (tmp_path / "program" / "program.safetensors").write_bytes(b"cut off")
    with pytest.raises(InputError, match="not a readable program"):
        load_program(tmp_path / "program")


def test_reference_dialect_computes_the_same_values(program: Program) -> None:
    x = torch.from_numpy(noise_images(2, seed=6))
    for float_weights in (False, True):
        graph = to_reference_dialect(program, float_weights=float_weights)
        assert torch.equal(graph(x), program.module()(x))
        weights = [n for n in graph.graph.nodes if "per_channel" in str(n.target)]
        assert len(weights) == len(program.weights) * (2 if float_weights else 1)


@pytest.mark.parametrize("last_in_float", [False, True])
def test_bias_correction_gives_the_logits_their_float_means(last_in_float: bool) -> None:
    network, images = tiny_network(), np.abs(noise_images(64))
    plain = quantize(network, images, ranges_only(Recipe(name="plain")))
    # A planted rounding error of the worst kind: every weight a few steps too high.
    shifted = {
        name: QuantizedWeight((w.values.int() + 3).clamp(-127, 127).to(torch.int8), w.scale)
        for name, w in plain.weights.items()
    }
    plain, layers = replace(plain, weights=shifted), set(shifted)
    if last_in_float:
        plain = with_float_operators(plain, frozenset({list(shifted)[-1]}))
        assert set(plain.weights) < layers
    x = torch.from_numpy(images)
    shifts = bias_corrections(plain, x)
    assert set(shifts) == layers
    better = corrected(plain, shifts)
    with torch.no_grad():
        expected = network.module(x).mean(0)
    before = (batched_outputs(plain.module(), x, 16).mean(0) - expected).abs().max()
    after = (batched_outputs(better.module(), x, 16).mean(0) - expected).abs().max()
    # The last layer's own shift is removed exactly; the logits' rounding averages out.
    if not last_in_float:
        assert float(before) > 10 * plain.activations[plain.plan.observed[-1]].scale
    assert float(after) < float(before) / 20


def test_bias_correction_gives_the_means_behind_an_activation() -> None:
    network, images = tiny_network(), noise_images(64)
    plain = quantize(network, images, ranges_only(Recipe(name="plain")))
    # A grid as coarse as an outlier makes it: its steps bend hard-swish around zero.
    name = next(n.args[0].name for n in plain.graph.graph.nodes if "hardswish" in n.name)
    grid = plain.activations[name]
    coarse = {**plain.activations, name: QParams(12 * grid.scale, -124)}
    plain = replace(plain, activations=coarse)
    x = torch.from_numpy(images)
    better = corrected(plain, bias_corrections(plain, x))
    exact, before, after = (
        _channel_means(run, x, "hardswish") for run in (plain.graph, plain, better)
    )
    assert float((after - exact).abs().mean()) < 0.3 * float((before - exact).abs().mean())


def _channel_means(of: Program | GraphModule, x: torch.Tensor, name: str) -> torch.Tensor:
    """Of the first value called ``name``, in float or in int8."""
    found: list[torch.Tensor] = []

    def see(node: Node, value: torch.Tensor) -> torch.Tensor:
        grid = of.qparams(node.name) if isinstance(of, Program) else None
        value = value if grid is None else grid.fake_quantize(value)
        if name in node.name:
            found.append(value.mean((0, 2, 3)))
        return value

    graph = with_dequantized_weights(of) if isinstance(of, Program) else of
    with torch.no_grad():
        HookedInterpreter(graph, see).run(x)
    return found[0]


def test_corrections_are_dropped_when_they_do_not_help(program: Program) -> None:
    kl, kept = program.summary.held_out_kl, program.summary.kept
    assert list(kept) == ["bias_correction", "equalization", "output_ranges", "reconstruction"]
    best = kl["ranges"]
    for name, stays in kept.items():
        assert stays == (kl[name] < best)
        best = kl[name] if stays else best
    assert kept["bias_correction"]


class Uneven(nn.Module):
    """A depthwise layer whose input channels differ a thousandfold, as equalization mends."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(8, 8, 3, groups=8)
        self.last = nn.Linear(8, 7)
        factors = torch.logspace(-2, 1, 8).reshape(-1, 1, 1, 1)
        with torch.no_grad():
            self.first.weight *= factors
            self.first.bias *= factors.flatten()
            self.second.weight /= factors

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.second(torch.relu(self.first(x))).relu().mean((2, 3)))


def test_an_equalization_that_is_kept_has_its_ranges_from_all_images() -> None:
    torch.manual_seed(0)
    weights = Weights("random", seed=0)
    network = Network("uneven", Uneven().eval(), SPEC, tuple("abcdefg"), 7, "user", weights)
    recipe = Recipe(
        name="equalized", corrections=Corrections(ranges=False, bias=False, reconstruction=False)
    )
    images = noise_images(256)
    program = quantize(network, images, recipe)
    assert program.summary.kept == {"equalization": True}
    calibration = torch.from_numpy(images)[split(len(images), recipe.calibration).calibration]
    assert len(calibration) > CORRECTION_IMAGES
    everything = calibrate(program.graph, program.plan, calibration, batch=32)
    scaled = {program.plan.owner(v.name) for g in groups(program.graph) for v in g.values}
    # Values that are not scaled keep their grid, which the scaled network's error would move.
    kept = quantize(network, images, ranges_only(recipe)).activations
    assert scaled & kept.keys() and kept.keys() - scaled
    assert program.activations == {n: (everything if n in scaled else kept)[n] for n in kept}
    for name, grid in program.activations.items():
        # Those that keep their grid were found on the network before it was scaled, whose floats
        # are rounded elsewhere.
        assert grid.scale == pytest.approx(everything[name].scale, rel=1e-5)
        assert grid.zero_point == everything[name].zero_point


def test_a_fall_counts_only_beyond_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    before = torch.randn(128, generator=generator)
    noise = torch.randn(1000, 128, generator=generator)
    # Nothing changed but chance: kept about 2.3 times in 100, one side of two standard errors.
    assert 5 <= sum(judging.significantly_lower(before, before + one) for one in noise) <= 45
    # A fall by half a standard deviation of the differences is 5.7 standard errors.
    assert all(judging.significantly_lower(before, before + one - 0.5) for one in noise)
    assert not judging.significantly_lower(before, before + 1)
    assert not judging.significantly_lower(before, torch.full_like(before, float("nan")))


def test_lock_step_holds_no_more_images_than_fit() -> None:
    graph = capture(tiny_network().module, SPEC).graph
    sizes: list[int] = []

    def see(node: Node, value: torch.Tensor) -> torch.Tensor:
        sizes.append(value[0].nbytes)
        return value

    with torch.no_grad():
        HookedInterpreter(graph, see).run(torch.from_numpy(noise_images(2)))
    assert largest_value_bytes(graph) == max(sizes)
    budget = 7 * bias_correction.COPIES * max(sizes)
    assert bias_correction.most_images(graph, budget) == 7


def test_no_images_and_infinite_values_are_refused() -> None:
    with pytest.raises(InputError, match="no images"):
        quantize(tiny_network(), noise_images(4)[:0], load_recipe("ptq"))
    network = tiny_network()
    with torch.no_grad():
        next(network.module.parameters()).fill_(float("nan"))
    with pytest.raises(InputError, match="infinite or NaN"):
        quantize(network, noise_images(8), load_recipe("ptq"))


def test_float_graph_matches_the_module() -> None:
    module, x = tiny_network().module, torch.from_numpy(noise_images(4))
    with torch.no_grad():
        assert torch.allclose(capture(module, SPEC).graph(x), module(x), atol=1e-5)


def test_one_image_quantizes() -> None:
    """The mean of a map of one position has no deviation, which must not become NaN."""
    program = quantize(tiny_network(), noise_images(1), load_recipe("ptq"))
    assert all(torch.isfinite(shift).all() for shift in program.corrections.values())
    assert torch.isfinite(program.module()(torch.from_numpy(noise_images(2)))).all()


def test_a_pass_that_changes_the_network_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def own_parameters(graph: GraphModule) -> int:
        *_, layer = calls(graph, *WEIGHTED)
        weight = layer.args[1]
        assert isinstance(weight, Node)
        tensor_of(graph, weight).neg_()
        return 1

    recipe, images = load_recipe("ptq-fast"), noise_images(32)
    assert quantize(tiny_network(), images, recipe).summary.sqnr_db > 10
    monkeypatch.setattr("quantize.ptq.INTEGER_FORMS", (own_parameters,))
    assert quantize(tiny_network(), images, recipe).summary.sqnr_db < 0


def test_as_many_images_judge_as_their_outputs_may_take() -> None:
    indices = torch.arange(128)
    small = Interface("segmentation", (OutputSpec("logits", (1, 21, 40, 40)),))
    assert torch.equal(judging.judged(indices, small), indices)
    large = Interface("segmentation", (OutputSpec("logits", (1, 21, 520, 520)),))
    found = judging.judged(indices, large)
    assert len(found) == 17 and len(found) * large.image_bytes <= judging.JUDGED_BYTES
    assert torch.equal(found, torch.tensor([number * 128 // 17 for number in range(17)]))
