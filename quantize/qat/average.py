"""The moving average of a module's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """average = decay * average + (1 - decay) * parameter, from where the parameters start."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._parameters = dict(module.named_parameters())
        self._decay = decay
        self.tensors = {name: p.detach().clone() for name, p in self._parameters.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take the parameters of one more step in."""
        for name, parameter in self._parameters.items():
            self.tensors[name].lerp_(parameter, 1 - self._decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module has the averages as its parameters inside the block."""
        before = {name: p.detach().clone() for name, p in self._parameters.items()}
        assign(self._parameters, self.tensors)
        try:
            yield
        finally:
            assign(self._parameters, before)


@torch.no_grad()
def assign(parameters: dict[str, nn.Parameter], values: dict[str, Tensor]) -> None:
    """Copy ``values`` into ``parameters`` of the same names and shapes."""
    for name, parameter in parameters.items():
        parameter.copy_(values[name])
