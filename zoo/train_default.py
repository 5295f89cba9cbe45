"""Trains the embedded default network: FBNetV2_F1 on Fashion-MNIST, on two CPU cores.

    python -m zoo.train_default --data /usr/share/datasets/fashion-mnist --output build/default

The images come from the Debian package ``dataset-fashion-mnist`` (MIT). 58,000 training images
train, 2,000 watch, and the 10,000 test images are scored once at the end. The run is seeded and
deterministic for a given torch version and thread count; an interrupted one resumes.

The input is 64 pixels, not FBNetV2-F1's published 128: the images have 28, so 128 adds no detail
and costs four times the work: a run that grew from 64 over 96 to 128 in 14 epochs took longer and
ended at 91.85 %.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from zoo.architecture import architectures
from zoo.fbnet import FBNet
from zoo.idx import read_idx
from zoo.training import Training, half, log_to, single

MEAN, STD = 0.2860, 0.3530  # of Fashion-MNIST's training pixels, in [0, 1]
VALIDATION = 2000


@dataclass(frozen=True)
class Schedule:
    """The input size in pixels, and the optimizer's settings.

    The last ``finish_cycles`` of ``finish_epochs`` erase no rectangles and have a warm restart of
    the learning rate each: on images as they will come, the network gains what the strong
    augmentation held back.
    """

    size: int = 64
    epochs: int = 12
    finish_cycles: int = 2
    finish_epochs: int = 4
    finish_lr: float = 8e-4
    batch: int = 128
    peak_lr: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 300
    label_smoothing: float = 0.1
    ema_decay: float = 0.998
    seed: int = 2026


def prepare(images: Tensor, size: int) -> Tensor:
    """(N, 28, 28) uint8 or float in 0..255 to the network's (N, 3, size, size), channels last."""
    x = ((images.float() / 255 - MEAN) / STD).unsqueeze(1)
    x = F.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    return x.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def augment(images: Tensor, generator: torch.Generator, *, erase: bool) -> Tensor:
    """Flip, shift by up to 2 pixels and erase one rectangle of each of ``images`` (N, H, W), at
    random."""
    count, height, width = images.shape
    flipped = torch.rand(count, generator=generator) < 0.5
    images = torch.where(flipped[:, None, None], images.flip(2), images)
    padded = F.pad(images, (2, 2, 2, 2))
    top = torch.randint(0, 5, (count,), generator=generator)
    left = torch.randint(0, 5, (count,), generator=generator)
    rows = top[:, None] + torch.arange(height)
    columns = left[:, None] + torch.arange(width)
    shifted = padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return _erase(shifted, generator) if erase else shifted


def _erase(images: Tensor, generator: torch.Generator) -> Tensor:
    count, height, width = images.shape
    area = 0.02 + 0.2 * torch.rand(count, generator=generator)
    ratio = torch.exp(math.log(3) * (2 * torch.rand(count, generator=generator) - 1))
    h = torch.sqrt(area * ratio) * height
    w = torch.sqrt(area / ratio) * width
    top = torch.rand(count, generator=generator) * (height - h)
    left = torch.rand(count, generator=generator) * (width - w)
    y, x = torch.arange(height)[None, :, None], torch.arange(width)[None, None, :]
    inside = (y >= top[:, None, None]) & (y < (top + h)[:, None, None])
    inside = inside & (x >= left[:, None, None]) & (x < (left + w)[:, None, None])
    chosen = torch.rand(count, generator=generator) < 0.25
    noise = torch.randint(0, 256, images.shape, generator=generator).to(images.dtype)
    return torch.where(inside & chosen[:, None, None], noise, images)


def batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Index batches (size,) of one shuffled epoch, the last incomplete batch dropped."""
    order = torch.randperm(count, generator=generator)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


@torch.no_grad()
def accuracy(network: nn.Module, images: Tensor, labels: Tensor, size: int) -> float:
    """Top-1 in percent on ``images`` (N, 28, 28) with ``labels`` (N,)."""
    network.eval()
    hits = 0
    for start in range(0, len(images), 250):
        part = slice(start, start + 250)
        hits += int((network(prepare(images[part], size)).argmax(1) == labels[part]).sum())
    return 100 * hits / len(images)


@torch.no_grad()
def refresh_batch_norm(
    network: nn.Module, images: Tensor, schedule: Schedule, generator: torch.Generator
) -> None:
    """Batch statistics of the averaged weights, over 100 batches of ``images`` (N, 28, 28)."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
    network.train()
    for number, index in enumerate(batches(len(images), schedule.batch, generator)):
        if number == 100:
            break
        shown = augment(images[index].float(), generator, erase=False)
        network(prepare(shown, schedule.size))


def learning_rate(step: int, epoch_steps: int, schedule: Schedule) -> float:
    """The rate of a step, numbered from 0: warm-up, a half cosine to zero, and one to finish."""
    if step < schedule.warmup_steps:
        return schedule.peak_lr * (step + 1) / schedule.warmup_steps
    total = schedule.epochs * epoch_steps
    if step >= total:
        cycle = schedule.finish_epochs * epoch_steps
        done, peak = (step - total) % cycle / cycle, schedule.finish_lr
    else:
        done = (step - schedule.warmup_steps) / (total - schedule.warmup_steps)
        peak = schedule.peak_lr
    return peak * 0.5 * (1 + math.cos(math.pi * done))


def train(data: Path, output: Path, schedule: Schedule) -> None:
    """Write ``output/fbnetv2_f1.fashion_mnist.safetensors`` (float16) and ``output/train.log``."""
    output.mkdir(parents=True, exist_ok=True)
    images = read_idx(data / "train-images-idx3-ubyte.gz")
    labels = read_idx(data / "train-labels-idx1-ubyte.gz").long()
    watched, watched_labels = images[-VALIDATION:], labels[-VALIDATION:]
    images, labels = images[:-VALIDATION], labels[:-VALIDATION]

    torch.manual_seed(schedule.seed)
    network = FBNet(architectures()["FBNetV2_F1"], num_classes=10)
    network = network.to(memory_format=torch.channels_last)
    training = Training.of(
        network,
        peak_lr=schedule.peak_lr,
        weight_decay=schedule.weight_decay,
        ema_decay=schedule.ema_decay,
    )
    averaged = training.averaged.module
    steps = len(images) // schedule.batch
    epochs = schedule.epochs + schedule.finish_cycles * schedule.finish_epochs
    resume = output / "resume.pth"
    finished = training.resume(resume, "epoch")
    first = 0 if finished is None else finished + 1

    with log_to(output / "train.log") as say:
        start = f"resumed after epoch {first}" if first else str(schedule)
        say(f"torch {torch.__version__} threads {torch.get_num_threads()} {start}")
        for epoch in range(first, epochs):
            generator = torch.Generator().manual_seed(schedule.seed + epoch)
            began, losses = time.monotonic(), []
            network.train()
            for number, index in enumerate(batches(len(images), schedule.batch, generator)):
                step = epoch * steps + number
                shown = augment(images[index].float(), generator, erase=epoch < schedule.epochs)
                x = prepare(shown, schedule.size)
                loss = F.cross_entropy(
                    network(x), labels[index], label_smoothing=schedule.label_smoothing
                )
                losses.append(training.step(loss, learning_rate(step, steps, schedule)))
            top1 = accuracy(averaged, watched, watched_labels, schedule.size)
            say(
                f"epoch {epoch + 1}/{epochs} loss {np.mean(losses):.4f} "
                f"validation top1 {top1:.2f} seconds {time.monotonic() - began:.0f}"
            )
            training.save(resume, epoch=epoch)

        generator = torch.Generator().manual_seed(schedule.seed - 1)
        refresh_batch_norm(averaged, images, schedule, generator)
        embedded = half(averaged.state_dict())
        stored = output / "fbnetv2_f1.fashion_mnist.safetensors"
        save_file(embedded, stored)
        network.load_state_dict(single(embedded))
        test_images = read_idx(data / "t10k-images-idx3-ubyte.gz")
        test_labels = read_idx(data / "t10k-labels-idx1-ubyte.gz").long()
        top1 = accuracy(network, test_images, test_labels, schedule.size)
        say(f"test top1 {top1:.2f} (10,000 images, float16 weights) {stored.stat().st_size} bytes")


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="train the embedded default network")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--output", type=Path, default=Path("build/default"))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    train(arguments.data, arguments.output, Schedule())


if __name__ == "__main__":
    main()
