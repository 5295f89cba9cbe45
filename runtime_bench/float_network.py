"""The float network behind the interface of an artefact's session, to be scored alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.networks import Network


class FloatSession:
    """Runs a network's module; ``threads`` says what torch was told, it changes nothing."""

    def __init__(self, network: Network, threads: int) -> None:
        self._module = network.module
        self.input_shape = network.input_spec.shape
        self.threads = threads

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (N, classes) of a float32 batch (N, 3, H, W)."""
        return run_module(self._module, batch)


def run_module(
    module: Callable[[Tensor], Tensor], batch: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What ``module`` makes of a float32 batch (N, 3, H, W), as an array."""
    with torch.inference_mode():
        made = module(torch.from_numpy(np.ascontiguousarray(batch)))
    return np.asarray(made.numpy(), np.float32)
