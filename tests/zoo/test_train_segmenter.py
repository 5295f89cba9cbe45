"""The pieces of the segmenter's training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from stats.class_overlap import ClassOverlap
from tests.zoo.fashion_files import TRAINING, write_fashion
from zoo import train_segmenter
from zoo.embedded import SEGMENTER_WEIGHTS_FILE
from zoo.networks import load_network
from zoo.pack_default import CALIBRATION_IMAGES
from zoo.scenes import CLASSES, SCENE_SPLITS, SCENES, Scene, SceneSplit, open_scenes
from zoo.segmentation.default import INPUT_SPEC, build_default
from zoo.train_default import VALIDATION
from zoo.train_segmenter import (
    PhasedConv2d,
    Schedule,
    score,
    start,
    to_batch,
    train,
    use_phases,
)
from zoo.training_scenes import learning_rate, training_scenes


def test_a_convolution_by_phases_is_the_dilated_one() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(8, 8, 5, padding=4, dilation=2, groups=8, bias=False))
    phased = nn.Sequential(nn.Conv2d(8, 8, 5, padding=4, dilation=2, groups=8, bias=False))
    phased.load_state_dict(plain.state_dict())
    use_phases(phased)
    assert isinstance(phased[0], PhasedConv2d)
    x = torch.randn(3, 8, 12, 16).requires_grad_()
    outs = [network(x) for network in (plain, phased)]
    torch.testing.assert_close(outs[1], outs[0], rtol=1e-5, atol=1e-5)
    gradients = [
        torch.autograd.grad(out.square().sum(), [x, network[0].weight])  # type: ignore[list-item]
        for out, network in zip(outs, (plain, phased), strict=True)
    ]
    for found, wanted in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_backbone_starts_from_the_embedded_classifier() -> None:
    network = start(Schedule()).eval()
    x = torch.rand(INPUT_SPEC.shape)
    maps = load_network(features_only=True).module(x)
    with torch.no_grad():
        # The map of stride 4 lies in front of all dilation.
        torch.testing.assert_close(network.backbone(x)["low"], maps[1], rtol=0, atol=0)


def test_the_rate_rises_stays_and_falls() -> None:
    schedule = Schedule(steps=100, warmup=10, decay=40, peak_lr=1.0)
    rates = [learning_rate(step, schedule) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[60] == 1.0
    assert rates[80] == pytest.approx(0.5) and rates[99] == pytest.approx(1 / 40)


def test_the_score_is_of_every_pixel() -> None:
    """Of a network that answers one class everywhere: the others have none, and that its share."""
    scenes = [open_scenes(SCENES).scene(index) for index in range(3)]

    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(1, len(CLASSES), 32, 32)
            logits[:, 0] = 1
            return logits

    share = np.mean([scene.semantic == 0 for scene in scenes])
    overlap = score(Fixed(), scenes)
    assert overlap.pixel_accuracy() == pytest.approx(share)
    present = len(np.unique([scene.semantic for scene in scenes]))
    assert overlap.mean_iou() == pytest.approx(share / present)


def test_pixels_are_normalized() -> None:
    scene = open_scenes(SCENES).scene(0)
    x, target = to_batch([scene])
    assert x.shape == INPUT_SPEC.shape and target.shape == (1, 128, 128)
    wanted = (scene.pixels[5, 9] / 255 - INPUT_SPEC.mean) / INPUT_SPEC.std
    assert x[0, :, 5, 9].numpy() == pytest.approx(wanted, abs=1e-6)
    assert target[0, 5, 9] == scene.semantic[5, 9]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Pictures that show their own number."""
    return write_fashion(tmp_path)


def test_pictures_of_training_watching_and_calibration_are_apart(data: Path) -> None:
    training, watched = training_scenes(data, least_items=1, watched=7)

    def numbers(split: SceneSplit) -> set[int]:
        held = split.pictures.images.astype(int) - 2
        return set((held[:, 10, 10] + 250 * held[:, 11, 11]).tolist())

    assert len(watched) == 7
    assert numbers(watched) == set(range(TRAINING, TRAINING + VALIDATION))
    assert len(numbers(training)) == TRAINING - CALIBRATION_IMAGES
    assert numbers(training) < set(range(TRAINING))
    embedded = {open_scenes(name).seed for name in SCENE_SPLITS}
    assert len(embedded | {training.seed, watched.seed}) == 4


def test_an_interrupted_run_ends_as_a_whole_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = Schedule(steps=4, warmup=2, decay=2, batch=2, save_every=2, watched=2, scored=3)
    train(data, tmp_path / "whole", schedule)
    calls = []

    def interrupt(network: nn.Module, scenes: Iterable[Scene]) -> ClassOverlap:
        calls.append(network)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(network, scenes)

    with monkeypatch.context() as patched:
        patched.setattr(train_segmenter, "score", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path / "cut", schedule)
    train(data, tmp_path / "cut", schedule)
    whole, cut = (load_file(tmp_path / name / SEGMENTER_WEIGHTS_FILE) for name in ("whole", "cut"))
    assert whole.keys() == cut.keys() == build_default().state_dict().keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert whole["backbone.features.levels.0.0.conv.weight"].dtype == torch.float16
    log = (tmp_path / "cut" / "train_segmenter.log").read_text().splitlines()
    assert "resumed after step 2" in log[2] and log[-1].startswith(f"{SCENES} miou ")
    assert "(3 scenes, float16 weights)" in log[-1]
