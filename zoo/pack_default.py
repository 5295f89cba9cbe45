"""Packs the embedded Fashion-MNIST images: all 10,000 for test, 512 of training to calibrate.

    python -m zoo.pack_default --data /usr/share/datasets/fashion-mnist

The calibration images are drawn from the training images with a fixed seed, as evenly over the
classes as 512 allows, and leave out the last 2,000, which ``zoo.train_default`` watches.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.dataset_names import CALIBRATION, TEST
from zoo.embedded import LABELS
from zoo.files import atomic_file
from zoo.idx import read_idx
from zoo.train_default import VALIDATION

CALIBRATION_IMAGES = 512
SEED = 2026
DATA = Path("/usr/share/datasets/fashion-mnist")
LICENCE = Path("/usr/share/doc/dataset-fashion-mnist/copyright")


def choose_calibration(labels: NDArray[np.uint8], count: int, seed: int) -> NDArray[np.int64]:
    """Sorted indices (count,) into ``labels`` (N,), class-balanced to within one, seeded."""
    generator = np.random.default_rng(seed)
    classes = len(LABELS)
    shares = [count // classes + (index < count % classes) for index in range(classes)]
    chosen = [
        generator.choice(np.flatnonzero(labels == index), share, replace=False)
        for index, share in enumerate(shares)
    ]
    return np.sort(np.concatenate(chosen)).astype(np.int64)


def pack(data: Path, licence: Path, target: Path) -> None:
    """Write the two ``.npz`` files and the licence into the folder ``target``.

    Raises:
        FileNotFoundError: ``data`` lacks the gzipped IDX files, or there is no licence text.
    """
    test_images = read_idx(data / "t10k-images-idx3-ubyte.gz").numpy()
    test_labels = read_idx(data / "t10k-labels-idx1-ubyte.gz").numpy()
    images = read_idx(data / "train-images-idx3-ubyte.gz").numpy()[:-VALIDATION]
    labels = read_idx(data / "train-labels-idx1-ubyte.gz").numpy()[:-VALIDATION]
    chosen = choose_calibration(labels, CALIBRATION_IMAGES, SEED)
    _save(target / f"{TEST}.npz", test_images, test_labels)
    _save(target / f"{CALIBRATION}.npz", images[chosen], labels[chosen])
    with atomic_file(target / "LICENSE.fashion-mnist") as path:
        shutil.copyfile(licence, path)


def _save(target: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    with atomic_file(target) as path:
        np.savez_compressed(path, images=images, labels=labels)


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="pack the embedded Fashion-MNIST images")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--licence", type=Path, default=LICENCE)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "embedded")
    arguments = parser.parse_args()
    pack(arguments.data, arguments.licence, arguments.output)


if __name__ == "__main__":
    main()
