"""The artefacts that are counted: default exports of networks with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import timm
import torch
from torch import nn

from benchmarks.emulated.default_exports import EXPORTERS, quiet
from zoo.files import atomic_file


def timm_network(name: str) -> nn.Module:
    """A network of timm with random weights."""
    network: nn.Module = timm.create_model(name, pretrained=False)
    return network


def artefact(
    name: str, make: Callable[[], nn.Module], size: int, runtime: str, precision: str, work: Path
) -> Path:
    """The network's default export (random weights from a fixed seed), made once."""
    export, suffix = EXPORTERS[runtime, precision]
    path = work / f"{name}_{precision}.{suffix}"
    if not path.exists():
        torch.manual_seed(0)
        module = make().eval()
        with atomic_file(path) as partial, quiet():
            export(module, torch.randn(1, 3, size, size), partial)
    return path
