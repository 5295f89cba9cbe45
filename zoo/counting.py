"""Parameters and multiply-accumulates (MACs), plainly and as the FBNet papers count them.

The published rule (found by re-deriving facebookresearch/mobile-vision's figures): parameters are
convolution and linear kernels only, without biases and batch normalization; MACs are those of
convolutions and linear layers, plus one for every input element of a global average pool.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

_GLOBAL_POOLS = (torch.ops.aten.mean, torch.ops.aten._adaptive_avg_pool2d)
_KERNELS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)


@dataclass(frozen=True)
class Counts:
    """Numbers of one network for one image.

    ``parameters`` is every learned number and ``macs`` the multiply-accumulates of convolutions and
    matrix products; ``published_parameters`` and ``published_macs`` follow the published rule.
    """

    parameters: int
    macs: int
    published_parameters: int
    published_macs: int


def count(network: nn.Module, input_shape: Sequence[int]) -> Counts:
    """Count ``network`` on one input of ``input_shape`` (1, C, H, W), allocating no tensors.

    Works on a module of any device, the meta device included; its weights are not read or changed.
    """
    was_training = network.training
    network.eval()
    try:
        flops = _flops(network, input_shape)
    finally:
        network.train(was_training)
    pooled = sum(flops.get(pool, 0) for pool in _GLOBAL_POOLS)
    total = sum(flops.values())
    kernels = {
        id(module.weight): module.weight.numel()
        for module in network.modules()
        if isinstance(module, _KERNELS)
    }
    return Counts(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        macs=(total - pooled) // 2,
        published_parameters=sum(kernels.values()),
        published_macs=(total - pooled) // 2 + pooled,
    )


def _flops(network: nn.Module, input_shape: Sequence[int]) -> dict[Any, int]:
    """Operations by operator, on shapes alone."""
    tensors = dict([*network.named_parameters(), *network.named_buffers()])
    mapping = {pool: _pool_flops for pool in _GLOBAL_POOLS}
    counter = FlopCounterMode(display=False, custom_mapping=cast(Any, mapping))
    try:
        state = {name: torch.empty_like(t, device="meta") for name, t in tensors.items()}
        with torch.no_grad(), counter:
            image = torch.empty(tuple(input_shape), device="meta")
            torch.func.functional_call(network, state, (image,))
    except RuntimeError:  # it makes tensors itself, which lie on another device
        with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.no_grad(), counter:
            fake: dict[str, torch.Tensor] = {n: mode.from_tensor(t) for n, t in tensors.items()}
            torch.func.functional_call(network, fake, (torch.empty(tuple(input_shape)),))
    return dict(counter.get_flop_counts()["Global"])


def _pool_flops(
    input_shape: Sequence[int], dims: Sequence[int] = (), *_: object, **__: object
) -> int:
    """Input elements of a pool over the whole map; ``dims`` is the output size in the second op."""
    if len(input_shape) != 4:
        return 0
    reduced = {dim % 4 for dim in dims} == {2, 3}
    to_one = list(dims) == [1, 1]
    return math.prod(input_shape) if reduced or to_one else 0
