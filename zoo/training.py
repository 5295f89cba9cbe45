"""What the trainings of the embedded networks share: averaged weights, states to go on from, a log,
and the weights that are embedded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


@dataclass(frozen=True)
class Training:
    """A network under training, its averaged weights, and its optimizer."""

    network: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer

    @classmethod
    def of(
        cls, network: nn.Module, *, peak_lr: float, weight_decay: float, ema_decay: float
    ) -> Training:
        """AdamW, and an exponential average of the weights and buffers."""
        average = get_ema_multi_avg_fn(ema_decay)  # type: ignore[no-untyped-call]
        averaged = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
        optimizer = torch.optim.AdamW(parameter_groups(network, weight_decay), lr=peak_lr)
        return cls(network, averaged, optimizer)

    def step(self, loss: Tensor, rate: float) -> float:
        """One step down the gradients of ``loss`` at the learning rate ``rate``; its value."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        self.averaged.update_parameters(self.network)
        return float(loss.detach())

    def save(self, path: Path, **place: int) -> None:
        """Write the state, with the ``place`` in the training, whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "ema": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **place,
        }
        torch.save(state, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def resume(self, path: Path, place: str) -> int | None:
        """Go on from a state that :meth:`save` wrote; its ``place``, None where there is none."""
        if not path.exists():
            return None
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        return int(state[place])


def parameter_groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """For an optimizer: matrices decay, biases and what scales channels do not."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


@contextmanager
def log_to(path: Path) -> Iterator[Callable[[str], None]]:
    """What says a line to whoever watches and to the end of the file at ``path``."""
    with path.open("a", encoding="utf-8") as log:

        def say(line: str) -> None:
            print(line, flush=True)
            log.write(line + "\n")
            log.flush()

        yield say


def half(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict in float16, as it is embedded; whole numbers stay."""
    return {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in state.items()
    }


def single(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same in float32."""
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
