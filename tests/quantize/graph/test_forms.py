"""Networks written in the many ways people write them become graphs of a few operators, which
compute the same, survive being stored, and are int8 where a layer multiplies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, weight_norm

from quantize.analysis.layers import weights_of
from quantize.graph.capture import capture, load_captured
from quantize.graph.interpret import HookedInterpreter
from quantize.graph.passes import CANONICALIZE, run
from quantize.graph.passes.surgery import aten, calls
from quantize.judging import sqnr_db
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from tests.quantize.small_networks import SPEC, noise_images, randomize
from zoo.networks import Network, Weights

Form = Callable[[nn.Module, Tensor], Tensor]


class Between(nn.Module):
    """A convolution to 16 channels of 16 x 16, ``form``, a convolution, and a head."""

    def __init__(self, form: Form, channels: int, parts: dict[str, nn.Module]) -> None:
        super().__init__()
        self.form = form
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.last = nn.Conv2d(channels, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        y = self.last(self.form(self, self.stem(x)))
        return self.head(torch.relu(y).mean((2, 3)))


def _coordinates(_: nn.Module, x: Tensor) -> Tensor:
    n, _c, h, w = x.shape
    rows = torch.linspace(-1, 1, h, device=x.device, dtype=x.dtype).view(1, 1, h, 1)
    columns = torch.arange(w, device=x.device).float().div(w).view(1, 1, 1, w)
    return torch.cat([x, rows.expand(n, 1, h, w), columns.expand(n, 1, h, w)], 1)


def _attention(net: nn.Module, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    tokens = x.flatten(2).transpose(1, 2)
    q, k, v = net.qkv(tokens).reshape(n, h * w, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
    mixed = ((q @ k.transpose(-2, -1)) * 0.35).softmax(-1, dtype=torch.float32) @ v
    tokens = tokens + net.out(mixed.transpose(1, 2).reshape(n, h * w, c))
    return tokens.transpose(1, 2).reshape(n, c, h, w)


def _windows(net: nn.Module, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    y = x.permute(0, 2, 3, 1).view(n, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5)
    y = net.mix(y.contiguous().view(-1, 16, c)).view(n, h // 4, w // 4, 4, 4, c)
    return y.permute(0, 1, 3, 2, 4, 5).contiguous().view(n, h, w, c).permute(0, 3, 1, 2)


def _shuffle(_: nn.Module, x: Tensor) -> Tensor:
    n, c, h, w = x.size()
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


def _split(net: nn.Module, x: Tensor) -> Tensor:
    first, second = torch.split(x, [4, 12], 1)
    a, b = net.mix(torch.cat([second, first], 1)).chunk(2, 1)
    return torch.cat([a, b, a], 1)


def _assigned(_: nn.Module, x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :8] = y[:, 8:] * 2
    F.relu_(y[:, :, ::2])
    return y


def _standardized(net: nn.Module, x: Tensor) -> Tensor:
    weight = net.mix.weight
    spread = weight.std((1, 2, 3), keepdim=True) + 1e-5
    return F.conv2d(x, (weight - weight.mean((1, 2, 3), keepdim=True)) / spread, net.mix.bias)


def _with_token(net: nn.Module, x: Tensor) -> Tensor:
    tokens = torch.cat([net.token.weight.expand(x.size(0), -1, -1), x.flatten(2).mT], 1)
    tokens = net.mix(tokens)[:, 1:]
    return tokens.transpose(1, 2).unflatten(2, (16, 16))


def _frozen_norm(net: nn.Module, x: Tensor) -> Tensor:
    norm = net.norm
    scale = norm.weight.reshape(1, -1, 1, 1) * (norm.running_var.view(1, -1, 1, 1) + 1e-5).rsqrt()
    return net.mix(x) * scale + (norm.bias.view(1, -1, 1, 1) - net.shift * scale)


def one(**parts: nn.Module) -> dict[str, nn.Module]:
    return parts


class Token(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 1, 16))


C1 = lambda: nn.Conv2d(16, 16, 1)  # noqa: E731
#: By name: the form, its channels, its parts, and the share of multiply-adds that is int8.
FORMS: dict[str, tuple[Form, int, Callable[[], dict[str, nn.Module]], float]] = {
    "coordinates": (_coordinates, 18, one, 1.0),
    "attention": (_attention, 16, lambda: one(qkv=nn.Linear(16, 48), out=nn.Linear(16, 16)), 1.0),
    "windows": (_windows, 16, lambda: one(mix=nn.Linear(16, 16)), 1.0),
    "channel shuffle": (_shuffle, 16, one, 1.0),
    "torch's channel shuffle": (lambda _, x: F.channel_shuffle(x, 4), 16, one, 1.0),
    "split, cat, chunk, cat of one twice": (_split, 24, lambda: one(mix=C1()), 1.0),
    "assigned slices": (_assigned, 16, one, 1.0),
    "unbind": (lambda _, x: sum(x.view(x.size(0), 2, 8, 16, 16).unbind(1)), 8, one, 1.0),
    "stack": (lambda n, x: torch.stack([n.mix(x), x], 2).flatten(1, 2), 32,
              lambda: one(mix=C1()), 1.0),
    "max of channels": (lambda _, x: torch.cat([x, x.max(1, keepdim=True)[0]], 1), 17, one, 1.0),
    "adaptive max": (lambda _, x: x * F.adaptive_max_pool2d(x, 1).sigmoid(), 16, one, 1.0),
    "index": (lambda _, x: x[:, torch.tensor([3, 1, 2])], 3, one, 1.0),
    "casts": (lambda _, x: x.to(torch.float32).type_as(x).float(), 16, one, 1.0),
    "cast to double": (lambda _, x: (x.double() * 2).float(), 16, one, 1.0),
    "same padding": (lambda n, x: n.mix(x), 16,
                     lambda: one(mix=nn.Conv2d(16, 16, 5, padding="same")), 1.0),
    "uneven same padding": (lambda n, x: n.mix(x), 16,
                            lambda: one(mix=nn.Conv2d(16, 16, (4, 3), padding="same")), 1.0),
    "valid padding": (lambda n, x: n.mix(x), 16,
                      lambda: one(mix=nn.Conv2d(16, 16, 3, padding="valid")), 1.0),
    "circular padding": (lambda n, x: n.mix(x), 16,
                         lambda: one(mix=nn.Conv2d(16, 16, 3, 1, 1, padding_mode="circular")), 1.0),
    "circular before alone": (
        lambda _, x: F.pad(x, (3, 0, 0, 2), mode="circular"), 16, one, 1.0),
    "transposed": (lambda n, x: n.mix(x), 16, lambda: one(mix=nn.Sequential(
        nn.ConvTranspose2d(16, 16, 4, 2, 1, groups=4, bias=False), nn.BatchNorm2d(16))), 0.8),
    "weight norm": (lambda n, x: n.mix(x), 16,
                    lambda: one(mix=parametrizations.weight_norm(C1())), 1.0),
    "old weight norm": (lambda n, x: n.mix(x), 16, lambda: one(mix=weight_norm(C1())), 1.0),
    "spectral norm": (lambda n, x: n.mix(x), 16,
                      lambda: one(mix=parametrizations.spectral_norm(C1())), 1.0),
    "weight standardization": (_standardized, 16, lambda: one(mix=C1()), 1.0),
    "batch statistics": (lambda n, x: n.mix(x), 16, lambda: one(
        mix=nn.Sequential(C1(), nn.BatchNorm2d(16, track_running_stats=False))), 1.0),
    "instance norm": (lambda n, x: n.mix(x), 16,
                      lambda: one(mix=nn.InstanceNorm2d(16, affine=True)), 1.0),
    "norm behind a sum": (lambda n, x: n.norm(x + x.flip(3)), 16,
                          lambda: one(norm=nn.BatchNorm2d(16)), 1.0),
    "layer scale": (lambda n, x: x + n.mix(x) * n.token.weight.view(1, -1, 1, 1), 16,
                    lambda: one(mix=C1(), token=Token()), 1.0),
    "layer norm": (lambda n, x: n.mix(x.permute(0, 2, 3, 1)).movedim(-1, 1), 16, lambda: one(
        mix=nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))), 1.0),
    "class token": (_with_token, 16, lambda: one(mix=nn.Linear(16, 16), token=Token()), 1.0),
    "matmul": (lambda n, x: (x.permute(0, 2, 3, 1) @ n.mix.weight).permute(0, 3, 1, 2), 16,
               lambda: one(mix=nn.Linear(16, 16)), 1.0),
    "prelu": (lambda n, x: n.mix(x), 16,
              lambda: one(mix=nn.Sequential(C1(), nn.PReLU(16), C1(), nn.PReLU())), 1.0),
    "elu in place": (lambda n, x: n.mix(x), 16,
                     lambda: one(mix=nn.Sequential(C1(), nn.ELU(inplace=True))), 1.0),
    "pools of rows": (
        lambda _, x: (F.max_pool1d(x.flatten(2), 4) + F.avg_pool1d(x.flatten(2), 5, 4, 1)
                      + F.adaptive_avg_pool1d(x.flatten(2), 1)).unflatten(2, (8, 8)),
        16, one, 1.0),
    "largest of what is padded with -inf": (
        lambda _, x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2), 16, one, 1.0),
    "largest of what is padded with -10000 all around": (
        lambda _, x: F.max_pool2d(F.pad(x - 1, [1] * 4, value=-1e4), 3, 2), 16, one, 1.0),
    "sum of a window over five": (
        lambda _, x: F.avg_pool2d(x, 3, 2, 1, divisor_override=5), 16, one, 1.0),
    "sum of a window that ends outside": (
        lambda _, x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, divisor_override=5), 16, one, 1.0),
    "sum over the map": (lambda n, x: x * F.avg_pool2d(x, 16, divisor_override=1000), 16, one, 1.0),
    "glu": (lambda _, x: F.glu(x, 1), 8, one, 1.0),
    "softplus": (lambda _, x: F.softplus(x), 16, one, 1.0),
    "pixel shuffle": (lambda _, x: F.pixel_shuffle(x, 2), 4, one, 1.0),
    "bilinear": (lambda _, x: F.interpolate(x, scale_factor=2, mode="bilinear"), 16, one, 1.0),
    "nearest to a size": (
        lambda _, x: F.interpolate(x, size=(7, 23), mode="nearest"), 16, one, 1.0),
    "nearest by a factor": (
        lambda _, x: F.interpolate(x, scale_factor=1.3, mode="nearest-exact"), 16, one, 1.0),
    "nearest by little more than two": (
        lambda _, x: F.interpolate(x, scale_factor=2.06, mode="nearest"), 16, one, 1.0),
    "bilinear by a factor": (
        lambda _, x: F.interpolate(x, scale_factor=1.3, mode="bilinear"), 16, one, 1.0),
    "bicubic": (lambda _, x: F.interpolate(x, scale_factor=(0.5, 1.25), mode="bicubic"),
                16, one, 1.0),
    "antialiased": (lambda _, x: F.interpolate(x, size=9, mode="bilinear", antialias=True),
                    16, one, 1.0),
    "bicubic to the corners": (
        lambda _, x: F.interpolate(x, size=20, mode="bicubic", align_corners=True), 16, one, 1.0),
    "threshold": (lambda _, x: F.threshold(x, 0.2, 0.1), 16, one, 1.0),
    "masked": (lambda _, x: x.masked_fill(x > 1, 1.0), 16, one, 1.0),
    "where of a number": (
        lambda _, x: torch.where(x > 0.5, x, 0.1) + torch.where(x > 1, torch.tensor(2.0), x),
        16, one, 1.0),
    "lerp": (lambda n, x: torch.lerp(x, n.mix(x), 0.3), 16, lambda: one(mix=C1()), 1.0),
    "factor of a sum": (
        lambda n, x: torch.sub(torch.add(x, n.mix(x), alpha=0.5), x, alpha=0.25),
        16,
        lambda: one(mix=C1()),
        1.0,
    ),
    "expanded gate": (
        lambda _, x: x * x.mean((2, 3), keepdim=True).sigmoid().expand_as(x),
        16,
        one,
        1.0,
    ),
    "no grad": (lambda n, x: torch.no_grad()(n.mix)(x), 16, lambda: one(mix=C1()), 1.0),
}  # fmt: skip


def built(name: str) -> nn.Module:
    form, channels, parts, _ = FORMS[name]
    torch.manual_seed(0)
    return randomize(Between(form, channels, parts()))


@pytest.mark.parametrize("name", FORMS)
def test_network_is_captured_stored_and_int8(name: str, tmp_path: Path) -> None:
    module = built(name)
    made = capture(module, SPEC)
    made.save(tmp_path / "graph")
    read = load_captured(tmp_path / "graph")
    x = torch.from_numpy(noise_images(4))
    with torch.no_grad():
        expected = torch.cat([module(image[None]) for image in x])
    assert made.dynamic_batch
    # A channels_last batch, as calibration has it.
    torch.testing.assert_close(
        read.graph(x.contiguous(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5
    )
    again = run(made.graph, CANONICALIZE)
    assert not any(again.values()), again

    network = Network(name, module, SPEC, tuple("abcde"), 5, "user", Weights("user"))
    program = quantize_captured(read, network, noise_images(16), load_recipe("ptq-fast"))
    calibrated = torch.from_numpy(noise_images(16))
    assert sqnr_db(read.graph(calibrated), program.module()(calibrated)) > 24.5
    macs = _multiply_adds(program.graph, x[:1])
    int8 = sum(count for node, count in macs.items() if node in program.weights)
    assert int8 >= FORMS[name][3] * sum(macs.values())


def _multiply_adds(graph: torch.fx.GraphModule, image: Tensor) -> dict[str, int]:
    weights = weights_of(graph)
    found: dict[str, int] = {}

    def see(node: torch.fx.Node, value: Tensor) -> Tensor:
        if node in weights:
            found[node.name] = value.numel() * weights[node][0].numel()
        return value

    HookedInterpreter(graph, see).run(image)
    return found


def test_frozen_batch_norm_is_folded() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mix, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
            self.register_buffer("shift", torch.randn(1, 4, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            return _frozen_norm(self, x).mean((2, 3))

    torch.manual_seed(0)
    module = randomize(Frozen())
    graph = capture(module, SPEC).graph
    assert not list(calls(graph, aten.mul.Tensor, aten.add.Tensor))
    x = torch.from_numpy(noise_images(2))
    torch.testing.assert_close(graph(x), module(x), rtol=1e-4, atol=1e-5)


def test_batch_statistics_are_those_of_one_image() -> None:
    # Artefacts take one image at a time, where such a batch norm normalizes by that image.
    graph = capture(built("batch statistics"), SPEC).graph
    x = torch.from_numpy(noise_images(3))
    one_by_one = torch.cat([graph(image[None]) for image in x])
    torch.testing.assert_close(graph(x), one_by_one, rtol=1e-4, atol=1e-5)
