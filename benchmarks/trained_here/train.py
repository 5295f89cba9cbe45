"""Trains a zoo network on Fashion-MNIST at 32 pixels, for a few minutes on two cores.

    python -m benchmarks.trained_here.train fbnetv3_b --output build/trained

Not to be good at it, but to have real weights of networks whose published ones cannot be had here.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from zoo.idx import read_idx
from zoo.networks import InputOverrides, load_network
from zoo.train_default import Schedule, accuracy, augment, batches, learning_rate, prepare

SCHEDULE = Schedule(size=32, epochs=3, finish_cycles=1, finish_epochs=1, warmup_steps=100)


def train(name: str, data: Path, output: Path, schedule: Schedule) -> None:
    """Write ``output/NAME.safetensors``; prints an epoch a line."""
    images = read_idx(data / "train-images-idx3-ubyte.gz")
    labels = read_idx(data / "train-labels-idx1-ubyte.gz").long()
    torch.manual_seed(schedule.seed)
    network = load_network(name, num_classes=10, overrides=InputOverrides(size=schedule.size))
    module = network.module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=schedule.peak_lr, weight_decay=schedule.weight_decay
    )
    steps = len(images) // schedule.batch
    epochs = schedule.epochs + schedule.finish_cycles * schedule.finish_epochs
    for epoch in range(epochs):
        generator = torch.Generator().manual_seed(schedule.seed + epoch)
        began, losses = time.monotonic(), []
        module.train()
        for number, index in enumerate(batches(len(images), schedule.batch, generator)):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(epoch * steps + number, steps, schedule)
            shown = augment(images[index].float(), generator, erase=False)
            loss = F.cross_entropy(
                module(prepare(shown, schedule.size)),
                labels[index],
                label_smoothing=schedule.label_smoothing,
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(module.parameters(), 5.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        seconds = time.monotonic() - began
        print(f"epoch {epoch + 1}/{epochs} loss {np.mean(losses):.4f} seconds {seconds:.0f}")
    test_images = read_idx(data / "t10k-images-idx3-ubyte.gz")
    test_labels = read_idx(data / "t10k-labels-idx1-ubyte.gz").long()
    print(f"test top1 {accuracy(module, test_images, test_labels, schedule.size):.2f}")
    output.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous() for key, value in module.state_dict().items()}
    save_file(state, output / f"{name}.safetensors")


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--output", type=Path, default=Path("build/trained"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train(given.network, given.data, given.output, SCHEDULE)


if __name__ == "__main__":
    main()
