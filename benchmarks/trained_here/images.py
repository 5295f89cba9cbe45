"""Training images of Fashion-MNIST as a folder, for training that wants more than are embedded.

python -m benchmarks.trained_here.images --output build/fashion-mnist-training --count 8192
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image

from zoo.files import atomic_folder
from zoo.idx import read_idx


def write(data: Path, output: Path, count: int) -> None:
    """Write ``count`` images, drawn with a fixed seed, and their ``labels.csv`` to ``output``."""
    images = read_idx(data / "train-images-idx3-ubyte.gz").numpy()
    labels = read_idx(data / "train-labels-idx1-ubyte.gz").numpy()
    chosen = np.sort(np.random.default_rng(0).choice(len(images), count, replace=False))
    with atomic_folder(output, ("labels.csv",)) as folder:
        (folder / "images").mkdir(parents=True)
        with (folder / "labels.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("image", "label"))
            for index in chosen:
                name = f"{index:05}.png"
                Image.fromarray(images[index]).save(folder / "images" / name)
                rows.writerow((f"images/{name}", int(labels[index])))


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8192)
    given = parser.parse_args()
    write(given.data, given.output, given.count)


if __name__ == "__main__":
    main()
