"""Trains the embedded default segmenter: LR-ASPP on FBNetV2-F1's blocks, on composed scenes.

    python -m zoo.train_segmenter --data /usr/share/datasets/fashion-mnist --output build/segmenter

Scenes are composed as they are needed, none twice, of the training pictures of the Debian package
``dataset-fashion-mnist`` (MIT), without those that are embedded for calibration; scenes of the last
2,000 watch. The backbone starts from the embedded classifier, which has seen all of these. The
2,000 scenes of ``fashion-scenes``, of test pictures, are scored once at the end. The run is seeded
and deterministic for a given torch version and thread count; an interrupted one resumes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stats.class_overlap import ClassOverlap
from zoo.datasets.mask_classes import IGNORE
from zoo.embedded import SEGMENTER_WEIGHTS_FILE
from zoo.networks import load_network
from zoo.scenes import CLASSES, SCENES, Scene, open_scenes
from zoo.segmentation.default import INPUT_SPEC, build_default
from zoo.segmentation.resizing import resize_logits
from zoo.segmentation.segmenter import Segmenter
from zoo.training import Training, half, log_to, single
from zoo.training_scenes import SceneSchedule, learning_rate, parse, to_input, training_scenes


@dataclass(frozen=True)
class Schedule(SceneSchedule):
    """As ``SceneSchedule`` has it."""

    steps: int = 3000
    warmup: int = 150
    decay: int = 1200


class PhasedConv2d(nn.Conv2d):
    """A depthwise convolution of dilation 2, computed as a plain one on each of four phases.

    The values are the same; torch's backward pass of dilated depthwise convolutions takes four
    times as long on a CPU.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W), H and W even, to the same shape."""
        count, channels, height, width = input.shape
        # Copies move whole pixels, since channels lie last in memory.
        pixels = input.permute(0, 2, 3, 1)
        phases = pixels.reshape(count, height // 2, 2, width // 2, 2, channels)
        phases = phases.permute(2, 4, 0, 1, 3, 5)
        phases = phases.reshape(4 * count, height // 2, width // 2, channels).permute(0, 3, 1, 2)
        padding = (self.kernel_size[0] // 2, self.kernel_size[1] // 2)
        out = F.conv2d(phases, self.weight, self.bias, 1, padding, 1, self.groups)
        out = out.permute(0, 2, 3, 1).reshape(2, 2, count, height // 2, width // 2, channels)
        out = out.permute(2, 3, 0, 4, 1, 5).reshape(count, height, width, channels)
        return out.permute(0, 3, 1, 2)


def use_phases(network: nn.Module) -> None:
    """Compute the network's dilated depthwise convolutions by phases; names and values stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.dilation == (2, 2) and module.groups > 1:
            module.__class__ = PhasedConv2d


def to_batch(scenes: Sequence[Scene]) -> tuple[Tensor, Tensor]:
    """Input float32 (N, 3, H, W), channels last, and classes int64 (N, H, W)."""
    target = torch.from_numpy(np.stack([scene.semantic for scene in scenes]))
    return to_input(scenes, INPUT_SPEC), target.long()


@torch.no_grad()
def score(network: nn.Module, scenes: Iterable[Scene]) -> ClassOverlap:
    """How well the network's answers at full resolution cover what is in the scenes."""
    network.eval()
    parts = []
    for scene in scenes:
        x, _ = to_batch([scene])
        answer = resize_logits(network(x), (x.shape[2], x.shape[3])).argmax(1)[0]
        predicted = answer.numpy().astype(np.uint8)
        parts.append(ClassOverlap.of(scene.semantic, predicted, len(CLASSES), IGNORE))
    return ClassOverlap.join(parts)


def start(schedule: Schedule, weights: Path | None = None) -> Segmenter:
    """The network with ``weights``, or its backbone with the embedded classifier's."""
    torch.manual_seed(schedule.seed)
    network = build_default()
    if weights is not None:
        network.load_state_dict(single(load_file(weights)))
        return network
    stored = load_network(features_only=True).module.state_dict()
    backbone = network.backbone.get_submodule("features")
    backbone.load_state_dict({name: stored[name] for name in backbone.state_dict()})
    return network


def train(data: Path, output: Path, schedule: Schedule, weights: Path | None = None) -> None:
    """Write the weights (float16) and ``train_segmenter.log`` into ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    scenes, watched = training_scenes(
        data, least_items=schedule.least_items, watched=schedule.watched
    )
    network = start(schedule, weights).to(memory_format=torch.channels_last)
    use_phases(network)
    training = Training.of(
        network,
        peak_lr=schedule.peak_lr,
        weight_decay=schedule.weight_decay,
        ema_decay=schedule.ema_decay,
    )
    resume = output / "resume.pth"
    first = training.resume(resume, "step") or 0

    with log_to(output / "train_segmenter.log") as say:
        begun = f"resumed after step {first} {schedule}" if first else str(schedule)
        if weights is not None:
            begun += f" from {weights.name}"
        say(f"torch {torch.__version__} threads {torch.get_num_threads()} {begun}")
        began, losses = time.monotonic(), []
        for step in range(first, schedule.steps):
            at = schedule.first_scene + step * schedule.batch
            numbers = range(at, at + schedule.batch)
            x, target = to_batch([scenes.scene(number) for number in numbers])
            network.train()
            logits = resize_logits(network(x), (x.shape[2], x.shape[3]))
            loss = F.cross_entropy(logits, target)
            losses.append(training.step(loss, learning_rate(step, schedule)))
            done = step + 1
            if done % schedule.save_every == 0 or done == schedule.steps:
                miou = 100 * score(training.averaged.module, watched).mean_iou()
                say(
                    f"step {done}/{schedule.steps} loss {np.mean(losses):.4f} "
                    f"watched miou {miou:.2f} seconds {time.monotonic() - began:.0f}"
                )
                training.save(resume, step=done)
                began, losses = time.monotonic(), []

        embedded = half(training.averaged.module.state_dict())
        stored = output / SEGMENTER_WEIGHTS_FILE
        save_file(embedded, stored)
        final = build_default()
        final.load_state_dict(single(embedded))
        overlap = score(final, map(open_scenes(SCENES).scene, range(schedule.scored)))
        ious = zip(CLASSES, overlap.ious(), strict=True)
        each = ", ".join(f"{name} {100 * iou:.1f}" for name, iou in ious)
        say(
            f"{SCENES} miou {100 * overlap.mean_iou():.2f} ({overlap.images:,} scenes, "
            f"float16 weights) {stored.stat().st_size} bytes: {each}"
        )


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="train the embedded default segmenter")
    parser.add_argument("--output", type=Path, default=Path("build/segmenter"))
    arguments, schedule = parse(parser, Schedule)
    train(arguments.data, arguments.output, schedule, arguments.weights)


if __name__ == "__main__":
    main()
