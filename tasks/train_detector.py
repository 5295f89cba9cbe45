"""Trains the embedded default detector: a Mask R-CNN on FBNetV2-F1's blocks, on composed scenes.

    python -m tasks.train_detector --data /usr/share/datasets/fashion-mnist --output build/detector

Scenes are those of ``zoo.training_scenes``. The trunk starts from the
embedded segmenter's, or that of ``--trunk``; ``--weights`` goes on from a whole detector's. The
2,000 scenes of ``fashion-scenes``, of test pictures, are scored once at the end: average precision
of boxes and masks, which is why this is not in zoo. The run is seeded and deterministic for a given
torch version and thread count; an interrupted one resumes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tasks.detection.average_precision import average_precision
from tasks.detection.objects import Found, Wanted, wanted_of
from tasks.detection.task import Detection
from zoo.datasets.detection.scenes import annotated
from zoo.detection.default import INPUT_SPEC, DefaultDetector, build_default
from zoo.detection.training.losses import Losses, LossRule, detector_losses
from zoo.detection.training.sampling import Sampling
from zoo.detection.training.truth import Truth
from zoo.embedded import DETECTOR_WEIGHTS_FILE, SEGMENTER_WEIGHTS_FILE, embedded_file
from zoo.preprocess import Frame
from zoo.scenes import SCENES, SIDE, Scene, open_scenes
from zoo.training import Training, half, log_to, single
from zoo.training_scenes import SceneSchedule, learning_rate, parse, to_input, training_scenes

LOG = "train_detector.log"
RULE = LossRule(anchors=Sampling(64, 0.5), before=200, after=60, regions=Sampling(32, 0.5), masks=8)
"""Scenes have six items at most, so few examples do."""
_SEGMENTER_TRUNK = "backbone.features."


@dataclass(frozen=True)
class Schedule(SceneSchedule):
    """As ``SceneSchedule`` has it. The trunk, which has seen scenes, is left as it is for the first
    ``frozen`` steps."""

    steps: int = 20000
    warmup: int = 200
    decay: int = 8000
    frozen: int = 0
    ema_decay: float = 0.998
    save_every: int = 400
    watched: int = 200


def truth_of(scene: Scene) -> Truth:
    """A scene's items."""
    return Truth(
        torch.from_numpy(scene.boxes).float(),
        torch.tensor(scene.labels, dtype=torch.int64),
        torch.from_numpy(scene.masks),
    )


@dataclass(frozen=True)
class Score:
    """Average precision of boxes and of masks, 0..1."""

    box_ap: float
    mask_ap: float


@torch.no_grad()
def score(network: nn.Module, scenes: Iterable[Scene]) -> Score:
    """What the network's detections on the scenes are worth."""
    network.eval()
    frame = Frame.of(SIDE, SIDE, INPUT_SPEC)
    found: list[Found] = []
    wanted: list[Wanted] = []
    for number, scene in enumerate(scenes):
        names = ("boxes", "scores", "labels", "masks")
        outputs = zip(names, network(to_input([scene], INPUT_SPEC)), strict=True)
        found += Detection().decode({name: part.numpy() for name, part in outputs}, [frame])
        wanted.append(wanted_of(annotated(scene, str(number))))
    kinds = (average_precision(found, wanted, kind).value() for kind in ("box", "mask"))
    return Score(*kinds)


def start(
    schedule: Schedule, weights: Path | None = None, trunk: Path | None = None
) -> DefaultDetector:
    """The network with ``weights``, or its trunk with that of a segmenter's ``trunk``."""
    torch.manual_seed(schedule.seed)
    network = build_default()
    if weights is not None:
        network.load_state_dict(single(load_file(weights)))
        return network
    stored = single(load_file(trunk or embedded_file(SEGMENTER_WEIGHTS_FILE)))
    # Dilation changes no weights: without it, a map is every second place of the dilated one.
    names = network.trunk.state_dict()
    network.trunk.load_state_dict({name: stored[_SEGMENTER_TRUNK + name] for name in names})
    return network


def train(
    data: Path,
    output: Path,
    schedule: Schedule,
    weights: Path | None = None,
    trunk: Path | None = None,
) -> None:
    """Write the weights (float16) and ``train_detector.log`` into ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    scenes, watched = training_scenes(
        data, least_items=schedule.least_items, watched=schedule.watched
    )
    network = start(schedule, weights, trunk).to(memory_format=torch.channels_last)
    training = Training.of(
        network,
        peak_lr=schedule.peak_lr,
        weight_decay=schedule.weight_decay,
        ema_decay=schedule.ema_decay,
    )
    resume = output / "resume.pth"
    first = training.resume(resume, "step") or 0

    with log_to(output / LOG) as say:
        begun = f"resumed after step {first} {schedule}" if first else str(schedule)
        if weights is not None:
            begun += f" from {weights.name}"
        if trunk is not None:
            begun += f" trunk from {trunk.name}"
        say(f"torch {torch.__version__} threads {torch.get_num_threads()} {begun}")
        began = time.monotonic()
        losses: list[list[float]] = []
        for step in range(first, schedule.steps):
            at = schedule.first_scene + step * schedule.batch
            batch = [scenes.scene(number) for number in range(at, at + schedule.batch)]
            random = torch.Generator().manual_seed(schedule.seed + step)
            network.train()
            network.trunk.requires_grad_(step >= schedule.frozen).train(step >= schedule.frozen)
            truths = [truth_of(scene) for scene in batch]
            parts = detector_losses(network, to_input(batch, INPUT_SPEC), truths, RULE, random)
            training.step(parts.total, learning_rate(step, schedule))
            losses.append([float(part.detach()) for part in parts])
            done = step + 1
            if done % schedule.save_every == 0 or done == schedule.steps:
                means = zip(Losses._fields, np.mean(losses, axis=0), strict=True)
                told = score(training.averaged.module, watched)
                say(
                    f"step {done}/{schedule.steps} "
                    + " ".join(f"{name} {value:.3f}" for name, value in means)
                    + f" watched box ap {100 * told.box_ap:.2f} mask ap {100 * told.mask_ap:.2f} "
                    f"seconds {time.monotonic() - began:.0f}"
                )
                training.save(resume, step=done)
                began, losses = time.monotonic(), []

        embedded = half(training.averaged.module.state_dict())
        stored = output / DETECTOR_WEIGHTS_FILE
        save_file(embedded, stored)
        final = build_default()
        final.load_state_dict(single(embedded))
        told = score(final, map(open_scenes(SCENES).scene, range(schedule.scored)))
        say(
            f"{SCENES} box ap {100 * told.box_ap:.2f} mask ap {100 * told.mask_ap:.2f} "
            f"({schedule.scored:,} scenes, float16 weights) {stored.stat().st_size} bytes"
        )


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description="train the embedded default detector")
    parser.add_argument("--output", type=Path, default=Path("build/detector"))
    parser.add_argument("--trunk", type=Path, help="a segmenter's weights to start from")
    arguments, schedule = parse(parser, Schedule)
    train(arguments.data, arguments.output, schedule, arguments.weights, arguments.trunk)


if __name__ == "__main__":
    main()
