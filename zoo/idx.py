"""The IDX file format of MNIST and its relatives (yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def read_idx(path: Path) -> Tensor:
    """A gzipped IDX file of unsigned bytes, as a uint8 tensor of the shape the file states."""
    raw = gzip.decompress(path.read_bytes())
    dims = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims)]
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)
    return torch.from_numpy(values.copy())
