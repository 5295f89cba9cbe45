"""A small detector learns four pictures by heart."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from tasks.detection.average_precision import average_precision
from tasks.detection.objects import wanted_of
from tasks.detection.task import Detection
from tests.quantize.tiny_detector import OPTIONS, SIDE, TABLE
from zoo.datasets.detection.scenes import annotated
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.detection.training.losses import LossRule, detector_losses
from zoo.detection.training.sampling import Sampling
from zoo.detection.training.truth import Truth
from zoo.preprocess import Frame
from zoo.scenes import Scene

STEPS = 150


def _scenes() -> list[Scene]:
    """Two rectangles each, whose colour tells their class."""
    random = np.random.default_rng(0)
    scenes = []
    for number in range(4):
        pixels = random.integers(0, 40, (SIDE, SIDE, 3)).astype(np.uint8)
        instances = np.zeros((SIDE, SIDE), np.uint8)
        labels = (number % 3, (number + 1) % 3)
        for item, label in enumerate(labels):
            left, top = (int(value) for value in random.integers(2, 12, 2))
            high, wide = (int(value) for value in random.integers(12, 20, 2))
            place = (slice(top, top + high), slice(32 * item + left, 32 * item + left + wide))
            pixels[place] = 60
            pixels[(*place, label)] = 220
            instances[place] = item + 1
        scenes.append(Scene(pixels, instances, labels))
    return scenes


def test_four_pictures_are_learned_by_heart() -> None:
    torch.manual_seed(0)
    scenes = _scenes()
    rule = dataclasses.replace(OPTIONS.rule, lowest=0.05)
    network = FBNetV3Detector(TABLE, dataclasses.replace(OPTIONS, norm="BN", rule=rule))
    x = torch.from_numpy(np.stack([scene.pixels for scene in scenes])).permute(0, 3, 1, 2) / 128 - 1
    truths = [
        Truth(
            torch.from_numpy(scene.boxes).float(),
            torch.tensor(scene.labels),
            torch.from_numpy(scene.masks),
        )
        for scene in scenes
    ]
    losses = LossRule(
        anchors=Sampling(64, 0.5), before=60, after=30, regions=Sampling(24, 0.5), masks=8
    )
    random = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    totals = []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 4e-3 * min(1.0, 2 - 2 * step / STEPS)
        parts = detector_losses(network.train(), x, truths, losses, random)
        optimizer.zero_grad()
        parts.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        totals.append([float(part.detach()) for part in parts])

    with torch.no_grad():
        found = dict(zip(network.output_names, network.eval()(x), strict=True))
    outputs = {name: value.numpy() for name, value in found.items()}
    detections = Detection().decode(outputs, [Frame.whole(SIDE, SIDE)] * len(scenes))
    wanted = [
        wanted_of(dataclasses.replace(annotated(scene, ""), width=SIDE, height=SIDE))
        for scene in scenes
    ]
    for kind in ("box", "mask"):
        precision = average_precision(detections, wanted, kind).value()  # type: ignore[arg-type]
        assert precision > 0.8, (kind, precision, totals[-1])
