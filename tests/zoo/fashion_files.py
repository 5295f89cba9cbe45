"""Files as Fashion-MNIST's, of pictures that show their own number."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.train_default import VALIDATION

TRAINING = 1200


def write_fashion(folder: Path) -> Path:
    """The two files of training pictures in ``folder``, the cloth that scenes are made of."""
    images = np.zeros((TRAINING + VALIDATION, 28, 28), np.uint8)
    numbers = np.arange(len(images))
    images[:, 4:24, 4:24] = 255
    images[:, 10, 10] = numbers % 250 + 2
    images[:, 11, 11] = numbers // 250 + 2
    _write(folder / "train-images-idx3-ubyte.gz", images)
    _write(folder / "train-labels-idx1-ubyte.gz", (numbers % 10).astype(np.uint8))
    return folder


def _write(path: Path, values: NDArray[np.uint8]) -> None:
    dims = b"".join(size.to_bytes(4, "big") for size in values.shape)
    content = bytes([0, 0, 8, values.ndim]) + dims + values.tobytes()
    path.write_bytes(gzip.compress(content, 1))
