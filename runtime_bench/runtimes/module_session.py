"""A torch module behind the interface of an artefact's session, to be scored alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.input_spec import InputSpec


class ModuleSession:
    """Runs a network's module, or whatever maps images (N, 3, H, W) to logits (N, classes);
    ``threads`` says what torch was told, it changes nothing."""

    def __init__(self, module: Callable[[Tensor], Tensor], spec: InputSpec, threads: int) -> None:
        self._module = module
        self.input_shape = spec.shape
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
