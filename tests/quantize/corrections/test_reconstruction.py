from __future__ import annotations

import statistics
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from quantize import judging
from quantize.corrections import reconstruction
from quantize.corrections.layer_rows import layer_rows
from quantize.corrections.reconstruction import reconstructed
from quantize.graph.capture import capture
from quantize.graph.interpret import batched_outputs
from quantize.graph.passes.surgery import argument, aten, bias_of, calls, tensor_of
from quantize.program import Program, float_graph
from quantize.ptq import quantize
from quantize.recipe import Recipe, ranges_only
from tests.quantize.small_networks import SPEC, noise_images, tiny_network
from zoo.input_spec import InputSpec


def _only_layer(layer: nn.Module, channels: int) -> tuple[GraphModule, Node]:
    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.widen, self.layer = nn.Conv2d(3, channels, 1), layer

        def forward(self, x: Tensor) -> Tensor:
            x = self.widen(x)
            x = self.layer(x.mean((2, 3)) if isinstance(self.layer, nn.Linear) else x)
            return x if x.ndim == 2 else x.mean((2, 3))

    spec = InputSpec(20, 14, SPEC.mean, SPEC.std, 1.0)
    graph = capture(Alone().eval(), spec).graph
    return graph, list(calls(graph, aten.conv2d.default, aten.linear.default))[1]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 6, 1),
        nn.Conv2d(8, 6, 3, stride=2, padding=1),
        nn.Conv2d(8, 8, (5, 3), padding=(2, 0), groups=8),
        nn.Conv2d(8, 12, 3, stride=(1, 2), dilation=(2, 1), groups=4),
        nn.Linear(8, 5),
    ],
    ids=["pointwise", "strided", "depthwise", "grouped", "linear"],
)
def test_rows_times_weights_are_the_layers_output(layer: nn.Module) -> None:
    graph, node = _only_layer(layer, 8)
    weight, bias = tensor_of(graph, argument(node, 1)), bias_of(graph, node)
    assert bias is not None
    read = torch.randn(4, 8, 20, 14) if node.target is aten.conv2d.default else torch.randn(4, 8)
    exact = node.target(read, weight, bias, *node.args[3:])  # type: ignore[operator]
    rows = layer_rows(node, weight, read, exact)
    groups, count, size = rows.inputs.shape
    made = rows.inputs @ weight.reshape(groups, -1, size).transpose(1, 2)
    made += bias.reshape(groups, 1, -1)
    assert torch.allclose(made, rows.outputs, atol=1e-5)
    # As many of each image.
    assert rows.images.bincount().tolist() == [count // 4] * 4


def _plain() -> Program:
    return quantize(tiny_network(), noise_images(256), ranges_only(Recipe(name="plain")))


def test_reconstruction_brings_int8_nearer_to_float_on_other_images() -> None:
    plain, other = _plain(), torch.from_numpy(noise_images(64, seed=9))
    with torch.no_grad():
        expected = plain.graph(other)
    before = judging.sqnr_db(expected, batched_outputs(plain.module(), other, 16))
    gains = []
    for seed in range(1, 5):  # one draw of images has 1.8 to 2.6 dB
        done = reconstructed(plain, torch.from_numpy(noise_images(192, seed=seed)))
        gains.append(judging.sqnr_db(expected, batched_outputs(done.module(), other, 16)) - before)
    assert statistics.mean(gains) > 2
    # Only int8's weights and biases are new: inside is the same float network, on the same grids.
    assert done.activations == plain.activations
    with torch.no_grad():
        assert torch.allclose(float_graph(done)(other), expected, atol=1e-5)
    assert all(w.values.abs().max() <= 127 for w in done.weights.values())


def test_reconstruction_is_the_same_each_time() -> None:
    plain, images = _plain(), torch.from_numpy(noise_images(32))
    first, second = reconstructed(plain, images), reconstructed(plain, images)
    assert first.ranges_sha256() == second.ranges_sha256()
    assert first.ranges_sha256() != plain.ranges_sha256()


def test_a_layer_with_too_many_unknowns_keeps_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = _plain()
    nodes = {node.name: node for node in plain.graph.graph.nodes}
    sizes = {
        name: tensor_of(plain.graph, argument(nodes[name], 1))[0].numel() for name in plain.weights
    }
    limit = sorted(sizes.values())[-2]
    assert limit < max(sizes.values())
    monkeypatch.setattr(reconstruction, "MOST_UNKNOWNS", limit)
    done = reconstructed(plain, torch.from_numpy(noise_images(32)))
    for name, size in sizes.items():
        same = torch.equal(done.weights[name].values, plain.weights[name].values)
        assert same or size <= limit
    assert any(
        not torch.equal(done.weights[n].values, plain.weights[n].values) for n in plain.weights
    )


def test_one_image_is_enough_to_run_and_dead_inputs_do_no_harm() -> None:
    plain = _plain()
    done = reconstructed(plain, torch.zeros(1, 3, 32, 32))
    assert all(torch.isfinite(weight.scale).all() for weight in done.weights.values())
    assert all(torch.isfinite(c).all() for c in done.corrections.values())


def test_layers_in_float_keep_their_weights() -> None:
    plain = _plain()
    name = list(plain.weights)[3]
    weights = {n: w for n, w in plain.weights.items() if n != name}
    done = reconstructed(replace(plain, weights=weights), torch.from_numpy(noise_images(32)))
    assert set(done.weights) == set(weights)
