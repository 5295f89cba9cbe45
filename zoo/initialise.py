"""Makes a randomly initialised network behave like a trained one in scale."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zoo.input_spec import InputSpec

IMAGES = 8
CELLS = (1, 4, 16)  # the coarser noises' resolution
SHIFT = 1.0
"""For BatchNorm biases, which start at zero. There a random deep network is chaotic (FBNetV3-B: 1 %
of noise on its input is 60 % of its logits), so that rounding decides everything and no export can
be told from a broken one. With most values on the activations' linear side, as here, noise passes
as it came (1 % in, 1 % out)."""


@torch.no_grad()
def settle_batch_norms(network: nn.Module, spec: InputSpec, seed: int) -> None:
    """Set the running statistics of every BatchNorm2d from seeded noise images; in place.

    Fresh statistics (mean 0, variance 1) let activations of a deep network shrink to 1e-5 or grow
    to 1e3, which no trained network's do and which quantizers' smallest scales cut to zero. Scales
    initialised to zero (FBNetV3's last ones) become one, so that no branch is dead; biases that are
    zero become ``SHIFT``.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average, here of one batch
        norm.train()
        if norm.affine and not bool(norm.weight.any()):
            nn.init.ones_(norm.weight)
        if norm.affine and not bool(norm.bias.any()):
            nn.init.constant_(norm.bias, SHIFT)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums depend on how they are split, and a seed names one network
    try:
        network(noise_images(IMAGES, spec, seed))
    finally:
        torch.set_num_threads(threads)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.zero_()
        norm.eval()


def noise_images(count: int, spec: InputSpec, seed: int) -> Tensor:
    """Seeded noise (count, 3, H, W) of unit variance with detail at several scales, as photos have.

    White noise alone averages out in deep layers, where its images become indistinguishable.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(count, 3, spec.height, spec.width)
    for cells in CELLS:
        coarse = torch.randn(count, 3, cells, cells, generator=generator)
        images += F.interpolate(coarse, size=(spec.height, spec.width), mode="bilinear")
    images += torch.randn(images.shape, generator=generator)
    return images / images.std()
