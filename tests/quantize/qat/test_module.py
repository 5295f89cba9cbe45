"""A program as a module that trains: the same numbers going in and coming out."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn

from quantize import judging
from quantize.analysis.layers import layers_of
from quantize.analysis.mixed_precision import with_float_operators
from quantize.api import prepare_qat
from quantize.corrections.bias_correction import bias_corrections
from quantize.graph.passes.surgery import aten, bias_of, calls
from quantize.graph.plan import fused_clamp, saturates
from quantize.grids.weights import LARGEST_BIAS
from quantize.program import Program, corrected, float_graph
from quantize.ptq import quantize
from quantize.qat.grids import ActivationGrid
from quantize.qat.layer import TrainedLayer
from quantize.qat.module import QatModule, convert, weight_of
from quantize.qparams import QParams, QuantizedWeight
from quantize.recipe import Recipe, load_recipe
from tests.quantize.small_networks import noise_images, tiny_network
from zoo.errors import InputError
from zoo.initialise import noise_images as smooth_noise
from zoo.initialise import settle_batch_norms
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights


@pytest.fixture
def x() -> torch.Tensor:
    return torch.from_numpy(noise_images(8, seed=3))


@torch.no_grad()
def _shake(module: QatModule) -> None:
    """Parameters a few steps from where they start, as after training."""
    generator = torch.Generator().manual_seed(0)
    sizes = {"weights": 2.0, "biases": 1.0, "scales": 0.1, "zero_points": 3.0}
    for kind, parameters in module.parameter_groups().items():
        for parameter in parameters:
            noise = torch.rand(parameter.shape, generator=generator) * 2 - 1
            parameter.add_(noise * sizes[kind] * parameter.requires_grad)


def test_the_module_starts_as_the_program_bit_for_bit(program: Program, x: torch.Tensor) -> None:
    module = prepare_qat(program)
    assert torch.equal(module(x), program.module()(x))
    same = convert(module)
    assert same.summary.method == "qat" and program.summary.method == "ptq"
    assert same.ranges_sha256() == program.ranges_sha256()
    assert torch.equal(same.module()(x), program.module()(x))


def test_without_rounding_the_float_network_is_left(program: Program, x: torch.Tensor) -> None:
    network = tiny_network()
    assert program.corrections  # so that leaving them out is tested
    module = prepare_qat(network, noise_images(64), load_recipe("ptq"))
    with torch.no_grad():
        expected = network.module(x)
        with module.in_float():
            assert judging.sqnr_db(expected, module(x)) > 100
        assert judging.sqnr_db(expected, module(x)) < 60
        assert judging.sqnr_db(expected, float_graph(program)(x)) > 100


def test_mobilenet_v3_large_without_rounding_is_within_60_db() -> None:
    """Issue 3; the stock PT2E path, which hard-codes batch norm's eps, has 12.9 dB."""
    import torchvision

    torch.manual_seed(0)
    built = torchvision.models.mobilenet_v3_large().eval()
    spec = InputSpec(96, 96, (0.5,) * 3, (0.5,) * 3, 1.0)
    settle_batch_norms(built, spec, seed=0)
    names = tuple(str(i) for i in range(1000))
    network = Network("v3", built, spec, names, 1000, "user", Weights("random", seed=0))
    images = smooth_noise(16, spec, seed=1)
    module = prepare_qat(network, images.numpy(), load_recipe("ptq-fast"))
    with torch.no_grad(), module.in_float():
        assert judging.sqnr_db(built(images[:4]), module(images[:4])) > 60


def test_what_was_trained_is_what_the_program_computes(program: Program, x: torch.Tensor) -> None:
    module = QatModule(program)
    _shake(module)
    trained = convert(module)
    assert trained.ranges_sha256() != program.ranges_sha256()
    with torch.no_grad():
        expected = module(x)
    assert torch.allclose(trained.module()(x), expected, rtol=1e-5, atol=1e-5)
    again = QatModule(trained)
    assert torch.equal(again(x), trained.module()(x))
    with torch.no_grad(), module.in_float(), again.in_float():
        assert torch.allclose(again(x), module(x), rtol=1e-4, atol=1e-4)


def test_trained_grids_can_be_exported(program: Program) -> None:
    module = QatModule(program)
    with torch.no_grad():
        for parameter in module.parameter_groups()["scales"]:
            parameter.add_(0.5)  # wider than the clamps allow
        for parameter in module.parameter_groups()["zero_points"]:
            parameter.sub_(400)
    trained = convert(module)
    nodes = {node.name: node for node in program.graph.graph.nodes}
    for name, grid in trained.activations.items():
        before, node = program.activations[name], nodes[name]
        assert grid.scale > 0 and -128 <= grid.zero_point <= 127
        if node.target in (aten.relu.default, aten.hardtanh.default) and saturates(node, before):
            assert saturates(node, grid), name
    gates = [n.name for n in calls(program.graph, aten.hardtanh.default)]
    assert gates and all(trained.activations[n] == program.activations[n] for n in gates)


def test_no_scale_lets_the_bias_overflow(program: Program) -> None:
    module = QatModule(program)
    with torch.no_grad():
        for parameter in module.parameter_groups()["scales"]:
            if parameter.ndim:  # of a weight
                parameter.sub_(30)
    trained = convert(module)
    for node in trained.graph.graph.nodes:
        if node.name not in trained.weights:
            continue
        read, bias = trained.qparams(node.args[0].name), bias_of(trained.graph, node)
        assert read is not None and bias is not None
        steps = bias.abs() / (read.scale * trained.weights[node.name].scale)
        assert float(steps.max()) <= LARGEST_BIAS * 1.001


def test_values_that_share_a_scale_share_it_trained(program: Program) -> None:
    module = QatModule(program)
    _shake(module)
    trained = convert(module)
    assert program.plan.shared
    for name, owner in program.plan.shared.items():
        assert trained.qparams(name) == trained.activations[owner]


def test_weights_that_were_not_rounded_to_the_nearest_start_where_they_are(
    program: Program, x: torch.Tensor
) -> None:
    """As after adaptive rounding: values a step away, and saturated ones."""
    shifted = {
        name: QuantizedWeight((w.values.int() + 1).clamp(-127, 127).to(torch.int8), w.scale)
        for name, w in program.weights.items()
    }
    other = replace(program, weights=shifted)
    module = QatModule(other)
    assert torch.equal(module(x), other.module()(x))
    assert convert(module).ranges_sha256() == other.ranges_sha256()


def test_weights_only_programs_train_too(x: torch.Tensor) -> None:
    program = quantize(tiny_network(), noise_images(32), load_recipe("weights-only"))
    module = prepare_qat(program)
    assert not module.activations
    assert torch.equal(module(x), program.module()(x))
    module(x).square().mean().backward()
    assert all(p.grad is not None for p in module.parameter_groups()["weights"])


def test_operators_in_float_stay_there(program: Program, x: torch.Tensor) -> None:
    layers = [layer.node for layer in layers_of(program) if layer.weighted]
    mixed = with_float_operators(program, frozenset(layers[1:3]))
    assert len(mixed.weights) < len(program.weights)
    module = prepare_qat(mixed)
    assert torch.equal(module(x), mixed.module()(x))
    _shake(module)
    trained = convert(module)
    assert set(trained.weights) == set(mixed.weights)
    with torch.no_grad():
        assert torch.allclose(trained.module()(x), module(x), rtol=1e-5, atol=1e-5)


def test_without_rounding_operators_in_float_are_not_corrected_either(
    plain: Program, x: torch.Tensor
) -> None:
    layers = [layer.node for layer in layers_of(plain) if layer.weighted]
    mixed = with_float_operators(plain, frozenset(layers[2:4]))
    images = torch.from_numpy(noise_images(32))
    mixed = corrected(mixed, bias_corrections(mixed, images))
    assert set(mixed.corrections) > set(mixed.weights)
    module = prepare_qat(mixed)
    with torch.no_grad():
        expected = plain.graph(x)
        assert torch.equal(module(x), mixed.module()(x))
        with module.in_float():
            assert judging.sqnr_db(expected, module(x)) > 100


def _trained(module: QatModule) -> Iterator[tuple[str, nn.Parameter]]:
    return ((n, p) for n, p in module.named_parameters() if p.requires_grad)


def test_every_trained_parameter_has_a_gradient_and_frozen_grids_none(
    program: Program, x: torch.Tensor
) -> None:
    module = QatModule(program)
    module(x).square().mean().backward()
    assert all(
        p.grad is not None and bool(torch.isfinite(p.grad).all()) for _, p in _trained(module)
    )
    module.train_grids(False)
    kinds = {name.rpartition(".")[2] for name, _ in _trained(module)}
    assert kinds == {"weight", "bias"}
    module.train_grids(True)
    kinds = {name.rpartition(".")[2] for name, _ in _trained(module)}
    assert kinds == {"weight", "bias", "log_scale", "offset"}


def test_a_layer_in_its_own_units() -> None:
    quantized = QuantizedWeight(torch.tensor([[3, -127]], dtype=torch.int8), torch.tensor([0.5]))
    layer = TrainedLayer(
        torch.tensor([[1.6, -90.0]]),
        quantized,
        torch.tensor([2.0]),
        torch.tensor([0.25]),
        bias_step=0.1,
    )
    assert layer.weight.tolist() == [[pytest.approx(3.2), -180.0]]
    assert layer.int8_weight(1.0).tolist() == [[1.5, -63.5]]
    assert layer.float_weight().tolist() == [[pytest.approx(1.6), -90.0]]
    with torch.no_grad():
        layer.bias.add_(3)
        layer.log_scale.add_(float(torch.tensor(2.0).log()))
    assert layer.int8_bias().tolist() == pytest.approx([2.3])
    assert layer.float_bias().tolist() == pytest.approx([2.05])
    # Twice the scale: 3.2 steps are 1.6 of them, and 180 are 90.
    assert layer.quantized(1.0).values.tolist() == [[2, -90]]
    assert layer.quantized(1.0).scale.tolist() == pytest.approx([1.0])


def test_weights_start_away_from_where_they_would_round_otherwise() -> None:
    quantized = QuantizedWeight(torch.tensor([[4, 3, 2]], dtype=torch.int8), torch.tensor([0.5]))
    weight = torch.tensor([[1.6, 1.74, 1.1]])  # 3.2, 3.48 and 2.2 steps; the first rounded up
    nothing = torch.zeros(1)
    layer = TrainedLayer(weight, quantized, nothing, nothing, bias_step=0.1)
    assert layer.weight[0].tolist() == pytest.approx([3.7, 3.3, 2.2])
    assert layer.float_weight()[0].tolist() == pytest.approx(weight[0].tolist())
    with torch.no_grad():
        layer.weight.add_(0.1)
    # What is learned is learned for the float weight, too.
    assert layer.float_weight()[0].tolist() == pytest.approx((weight + 0.05)[0].tolist())


def test_a_two_sided_grid_moves_its_zero_point(program: Program) -> None:
    node = next(iter(calls(program.graph, aten.hardswish.default)))
    assert fused_clamp(node) is None
    grid = ActivationGrid(QParams(0.1, -100), node)
    with torch.no_grad():
        grid.offset.add_(2.4)
        grid.log_scale.add_(0.1)
    assert grid.qparams().zero_point == -98
    assert grid.qparams().scale == pytest.approx(0.1 * 1.10517, rel=1e-4)


def test_the_program_is_left_as_it_was(program: Program, x: torch.Tensor) -> None:
    before = copy.deepcopy(program.graph)
    module = QatModule(program)
    _shake(module)
    convert(module)
    for node in program.graph.graph.nodes:
        if node.name in program.weights:
            twin = next(n for n in before.graph.nodes if n.name == node.name)
            assert torch.equal(weight_of(program.graph, node), weight_of(before, twin))


def test_a_network_needs_images() -> None:
    with pytest.raises(InputError, match="no images"):
        prepare_qat(tiny_network(), recipe=Recipe(name="x"))
