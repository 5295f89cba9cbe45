"""Weights: safetensors, and pickles of both of PyTorch's formats."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from benchmarks.fuzz.reader import Reader
from zoo.checkpoints import load_into, read_states, select


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def _read(path: Path) -> None:
    network = _network()
    chosen = select(
        read_states(path), network, lambda state: (state, "own"), origin=str(path), network="net"
    )
    load_into(network, chosen.state, origin=str(path), network="net")


def _safetensors(_: Path) -> list[bytes]:
    return [save(dict(_network().state_dict()))]


def _pickles(_: Path) -> list[bytes]:
    state = _network().state_dict()
    checkpoint = {"epoch": 3, "model": {f"module.{n}": t.half() for n, t in state.items()}}
    contents = []
    for content in (state, checkpoint):
        for zipped in (True, False):
            buffer = io.BytesIO()
            torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
            contents.append(buffer.getvalue())
    return contents


READERS = (
    Reader("weights.safetensors", _safetensors, "w.safetensors", _read),
    Reader("weights.pth", _pickles, "w.pth", _read),
)
