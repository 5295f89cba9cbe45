"""Every pass keeps the network's function and leaves nothing of its pattern."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.fx import GraphModule

from quantize.graph.capture import capture
from quantize.graph.passes import CANONICALIZE, INTEGER_FORMS, run
from quantize.graph.passes.surgery import aten, calls
from tests.quantize.small_networks import SPEC, noise_images, randomize, tiny_network
from zoo.errors import InputError
from zoo.networks import load_network


def images(count: int = 4) -> Tensor:
    return torch.from_numpy(noise_images(count))


def targets(graph: GraphModule) -> set[str]:
    return {str(n.target) for n in graph.graph.nodes if n.op == "call_function"}


def relative(actual: Tensor, expected: Tensor) -> float:
    return float(((actual - expected).abs().max() / expected.abs().max()).detach())


class Spelled(nn.Module):
    """Hard activations written out in the ways people write them."""

    def __init__(self, spelling: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.spelling = spelling

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        gate = F.relu6(y + 3.0)
        forms = (
            lambda: y * (gate / 6.0),
            lambda: (gate / 6.0) * y,
            lambda: y * gate / 6.0,
            lambda: (y / 6.0) * gate,
            lambda: y * gate * (1.0 / 6.0),
            lambda: y * F.hardtanh(y + 3.0, 0.0, 6.0) / 6.0,
            lambda: y * torch.clamp(y + 3.0, 0.0, 6.0) / 6.0,
        )
        return forms[self.spelling]().mean((2, 3))


@pytest.mark.parametrize("spelling", range(7))
def test_spelled_hard_swish_becomes_one_node(spelling: int) -> None:
    torch.manual_seed(spelling)
    module = Spelled(spelling)
    graph = capture(module, SPEC).graph
    assert "aten.hardswish.default" in targets(graph)
    assert not targets(graph) & {"aten.div.Tensor", "aten.mul.Tensor", "aten.hardtanh.default"}
    assert relative(graph(images()), module(images())) < 1e-5


def test_relu6_of_another_value_is_no_hard_swish() -> None:
    class Lookalike(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x * F.relu6(x.flip(2) + 3.0) / 6.0).mean((2, 3))

    graph = capture(Lookalike(), SPEC).graph
    assert "aten.hardswish.default" not in targets(graph)
    assert relative(graph(images()), Lookalike()(images())) < 1e-5


def test_batch_norm_is_folded_with_its_own_eps() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8, eps=0.1), nn.ReLU(), nn.Flatten()
    )
    randomize(module)
    graph = capture(module, SPEC).graph
    assert "aten.batch_norm.default" not in targets(graph)
    assert relative(graph(images()), module(images())) < 1e-5


def test_batch_norm_behind_a_shared_convolution_is_a_layer_of_its_own() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return (y + self.norm(y)).flatten(1)

    module = randomize(Shared())
    graph = capture(module, SPEC).graph
    assert [node.args[6:] for node in calls(graph, aten.conv2d.default)] == [(), (8,)]
    assert relative(graph(images()), module(images())) < 1e-5


def test_mean_over_the_image_becomes_the_adaptive_pool() -> None:
    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (
                x.mean((2, 3), keepdim=True).flatten(1)
                + x.mean((-1, -2))
                + x.mean(1).mean((1, 2))[:, None]
            )

    graph = capture(Mean(), SPEC).graph
    assert len(list(calls(graph, aten.adaptive_avg_pool2d.default))) == 2
    assert relative(graph(images()), Mean()(images())) < 1e-5


def test_pool_of_one_pixel_disappears() -> None:
    module = tiny_network().module
    graph = capture(module, SPEC).graph
    pools = [n for n in calls(graph, aten.adaptive_avg_pool2d.default)]
    assert len(pools) == 2  # the squeeze-excite's and ir_pool's, not the head's


@pytest.mark.parametrize("batch", [1, 3])
def test_canonical_and_integer_graphs_keep_the_function(batch: int) -> None:
    module = tiny_network().module
    captured = capture(module, SPEC)
    assert captured.dynamic_batch
    x = images(batch)
    assert relative(captured.graph(x), module(x)) < 1e-5
    changed = run(captured.graph, INTEGER_FORMS)
    assert changed["fold_hard_sigmoid"] == 1
    assert "aten.hardsigmoid.default" not in targets(captured.graph)
    assert relative(captured.graph(x), module(x)) < 1e-5


def test_second_canonicalization_changes_nothing() -> None:
    graph = capture(tiny_network().module, SPEC).graph
    assert not any(run(graph, CANONICALIZE).values())


def test_torchvision_network_is_captured() -> None:
    torch.manual_seed(0)
    module = randomize(torchvision.models.mobilenet_v3_small(num_classes=5))
    graph = capture(module, SPEC).graph
    assert not targets(graph) & {"aten.batch_norm.default", "aten.dropout_.default"}
    assert relative(graph(images()), module(images())) < 1e-4


def test_uncapturable_network_is_one_line() -> None:
    class Branches(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3)) if float(x.sum()) > 0 else x.amax((2, 3))

    with pytest.raises(InputError, match=r"Branches: .*data-dependent") as error:
        capture(Branches(), SPEC)
    assert "\n" not in str(error.value)


def test_own_parameters_unties_shared_layers() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x)).flatten(1)

    module = Twice()
    graph = capture(module, SPEC).graph
    run(graph, INTEGER_FORMS)
    first, second = calls(graph, aten.conv2d.default)
    assert first.args[1] is not second.args[1]
    assert first.args[2] is not None
    assert relative(graph(images()), module(images())) < 1e-5


def test_deep_network_with_random_weights_is_captured() -> None:
    # White noise as the probe made its float32 rounding look like another function.
    network = load_network("fbnetv3_b")
    assert capture(network.module, network.input_spec).dynamic_batch
