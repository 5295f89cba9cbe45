"""The pieces of the default detector's training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tasks import train_detector
from tasks.train_detector import LOG, Schedule, Score, score, start, train
from tests.zoo.fashion_files import write_fashion
from zoo.detection.default import INPUT_SPEC, build_default
from zoo.embedded import DETECTOR_WEIGHTS_FILE
from zoo.networks import load_network
from zoo.scenes import SCENES, Scene, open_scenes
from zoo.segmentation.segmenter import Segmenter
from zoo.training_scenes import learning_rate, to_input


def test_the_trunk_starts_from_the_embedded_segmenter() -> None:
    network = start(Schedule()).eval()
    segmenter = load_network("default-segmenter").module
    assert isinstance(segmenter, Segmenter)
    x = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        # The map of stride 4 lies in front of all dilation.
        torch.testing.assert_close(
            network.trunk(x)[1], segmenter.backbone(x)["low"], rtol=0, atol=0
        )


def test_the_rate_rises_stays_and_falls() -> None:
    schedule = Schedule(steps=100, warmup=10, decay=40, peak_lr=1.0)
    rates = [learning_rate(step, schedule) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[60] == 1.0
    assert rates[80] == pytest.approx(0.5) and rates[99] == pytest.approx(1 / 40)


def test_the_score_is_of_boxes_and_of_masks() -> None:
    """Of a detector that knows every box, but whose masks fill them."""
    scenes = [open_scenes(SCENES).scene(index) for index in range(4)]

    class Oracle(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            known = next(s for s in scenes if torch.equal(to_input([s], INPUT_SPEC), x))
            count = len(known.labels)
            boxes, labels = torch.zeros(1, 6, 4), torch.zeros(1, 6)
            scores = torch.zeros(1, 6)
            boxes[0, :count] = torch.from_numpy(known.boxes).float()
            labels[0, :count] = torch.tensor(known.labels).float()
            scores[0, :count] = 0.9
            return boxes, scores, labels, torch.ones(1, 6, 8, 8)

    found = score(Oracle(), scenes)
    assert found.box_ap == pytest.approx(1.0)
    full = [
        mask.sum() / np.prod(box[2:] - box[:2])
        for scene in scenes
        for mask, box in zip(scene.masks, scene.boxes, strict=True)
    ]
    # Those that cover 95 % of their box are found at every threshold, those below half at none.
    assert np.mean(np.array(full) >= 0.95) <= found.mask_ap < np.mean(np.array(full) >= 0.5)


def test_an_interrupted_run_ends_as_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_fashion(tmp_path)
    schedule = Schedule(steps=4, warmup=2, decay=2, batch=2, save_every=2, watched=1, scored=2)
    train(data, tmp_path / "whole", schedule)
    calls = []

    def interrupt(network: nn.Module, scenes: Iterable[Scene]) -> Score:
        calls.append(network)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return score(network, scenes)

    with monkeypatch.context() as patched:
        patched.setattr(train_detector, "score", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path / "cut", schedule)
    train(data, tmp_path / "cut", schedule)
    whole, cut = (load_file(tmp_path / name / DETECTOR_WEIGHTS_FILE) for name in ("whole", "cut"))
    assert whole.keys() == cut.keys() == build_default().state_dict().keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert whole["trunk.levels.0.0.conv.weight"].dtype == torch.float16
    log = (tmp_path / "cut" / LOG).read_text().splitlines()
    assert "resumed after step 2" in log[2] and log[-1].startswith(f"{SCENES} box ap ")
    assert "(2 scenes, float16 weights)" in log[-1]
