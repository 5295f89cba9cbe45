"""A torch module behind the interface of an artefact's session, to be scored alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.input_spec import InputSpec
from zoo.outputs import LOGITS, Interface


class ModuleSession:
    """Runs a network's module, or whatever maps images (N, 3, H, W) to what ``interface`` finds its
    outputs in; ``threads`` says what torch was told, it changes nothing."""

    def __init__(
        self,
        module: Callable[[Tensor], Any],
        spec: InputSpec,
        threads: int,
        interface: Interface = LOGITS,
    ) -> None:
        self._module, self._interface = module, interface
        self.input_shape = spec.shape
        self.output_names = interface.names
        self.threads = threads
        self.pixels = None

    def run(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Outputs (N, ...) by name of a float32 batch (N, 3, H, W)."""
        return run_module(lambda x: self._interface.select(self._module(x)), self._interface, batch)


def run_module(
    module: Callable[[Tensor], Any], interface: Interface, batch: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """What ``module``, which returns the outputs of ``interface`` in order, makes of a float32
    batch (N, 3, H, W), as arrays by name."""
    with torch.inference_mode():
        made = interface.named(module(torch.from_numpy(np.ascontiguousarray(batch))))
    return {name: np.asarray(value.numpy(), np.float32) for name, value in made.items()}
