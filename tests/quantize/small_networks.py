"""Networks small enough to capture in a second, with every operator FBNets have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quantize.judging import SMALLEST_DIVERGENCE, geometric_mean
from tasks.table import TASKS
from zoo.architecture import Architecture, Block
from zoo.fbnet import FBNet
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights

Activation = Callable[[Tensor], Tensor]
SPEC = InputSpec(32, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0)

TINY = Architecture(
    name="tiny",
    family="test",
    input_size=32,
    width_divisor=8,
    stages=(
        (Block("conv", 8, k=3, s=2, act="hswish", bias=True),),
        (Block("ir", 8, k=3, e=1, act="relu"), Block("ir", 16, k=5, s=2, e=3, act="relu")),
        (Block("ir", 16, k=3, e=3, act="hswish", se="expanded"), Block("skip", 24)),
        (Block("ir_pool", 512, e=8, act="hswish"),),
    ),
)


def divergence(reference: Tensor, other: Tensor) -> float:
    """The geometric mean of the images' divergence, of logits."""
    found = TASKS["classification"].divergence({"logits": reference}, {"logits": other})
    return geometric_mean(found.clamp_min(SMALLEST_DIVERGENCE).log())


def randomize(module: nn.Module, seed: int = 0) -> nn.Module:
    """Batch norms with statistics that are not the identity, as in a trained network."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.track_running_stats:
            with torch.no_grad():
                layer.running_mean.normal_(0, 0.2, generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
                layer.weight.uniform_(0.5, 1.5, generator=generator)
                layer.bias.normal_(0, 0.3, generator=generator)
    return module.eval()


def tiny_network() -> Network:
    """FBNet in little: 7 classes at 32 pixels, seeded."""
    torch.manual_seed(0)
    module = randomize(FBNet(TINY, num_classes=7))
    labels = tuple(f"class {i}" for i in range(7))
    return Network("tiny", module, SPEC, labels, 7, "user", Weights("random", seed=0))


def pixel_network(spec: InputSpec) -> Network:
    """A strided convolution that pads, as networks begin, and a head; takes images as ``spec``
    says."""
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)),
    )
    labels = tuple(f"class {i}" for i in range(10))
    return Network("pixels", module.eval(), spec, labels, 10, "user", Weights("random", seed=0))


def photo_pixels(count: int, spec: InputSpec) -> NDArray[np.uint8]:
    """Pixels (count, 3, height, width) with a smooth part, noise, and all values of a byte."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (count, 3, 4, 4))
    smooth = coarse.repeat(spec.height // 4, 2).repeat(spec.width // 4, 3)
    return (smooth + rng.integers(-30, 31, smooth.shape)).clip(0, 255).astype(np.uint8)


def normalized(pixels: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Pixels (N, 3, height, width) as the network takes them."""
    mean, std = (np.array(v, np.float32).reshape(-1, 1, 1) for v in (spec.mean, spec.std))
    return ((pixels.astype(np.float32) / 255 - mean) / std).astype(np.float32)


class Of(nn.Module):
    """A function of the images."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Joined(nn.Module):
    """a -> relu -> b, joined with a's result; then a pool that selects, a mean, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        first = torch.relu(self.a(x))
        joined = torch.cat([first, self.b(first)], 1)
        return self.head(nn.functional.max_pool2d(joined, 2).mean((2, 3)))


class JoinedRanges(nn.Module):
    """Two convolutions of one input, joined: the first's result behind ``first``, the other's,
    which is four times as wide in range, behind ``moved``."""

    def __init__(
        self, first: Activation, moved: Activation = lambda x: x, *, swapped: bool = False
    ) -> None:
        super().__init__()
        self.first, self.moved, self.swapped = first, moved, swapped
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.a, self.b = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        with torch.no_grad():
            self.b.weight.mul_(4)
        self.mix = nn.LazyConv2d(16, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        parts = [self.first(self.a(x)), self.moved(self.b(x))]
        joined = torch.cat(parts[::-1] if self.swapped else parts, 1)
        return self.head(torch.relu(self.mix(joined)).mean((2, 3)))


def joined_ranges(
    first: Activation, moved: Activation = lambda x: x, *, swapped: bool = False
) -> Network:
    """:class:`JoinedRanges` of 5 classes at 32 pixels, seeded."""
    torch.manual_seed(0)
    module = JoinedRanges(first, moved, swapped=swapped)
    module(torch.zeros(1, *SPEC.shape[1:]))
    return Network("joined", randomize(module), SPEC, (), 5, "user", Weights("random", seed=0))


def noise_images(count: int, seed: int = 1) -> NDArray[np.float32]:
    """Pre-processed images (count, 3, 32, 32): noise with a smooth part, as photos have."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, 4, 4, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")
    fine = torch.randn(count, 3, 32, 32, generator=generator)
    return np.asarray((smooth + 0.3 * fine).numpy(), np.float32)
