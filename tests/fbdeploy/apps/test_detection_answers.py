"""Detections in golden.json: where in the picture they lie, and how far an app's may differ."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbdeploy.apps.bundle_reading import Bundle, check_golden, read_bundle
from fbdeploy.apps.detection_answers import APART, fits
from fbdeploy.apps.goldens import Asked, golden_output
from fbdeploy.records.bundle_schema import BoxesAnswer
from tasks.table import task_named
from tests.detection_goldens import MADE_UP, outputs_of, trial_detector
from tests.made_up_bundles import SIZES
from zoo.datasets.detection.annotations import RunLengths
from zoo.datasets.detection.run_lengths import to_array
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame

SPEC = InputSpec(height=64, width=64, crop_pct=1.0, crop_mode="letterbox")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(trial_detector())


def _answer(outputs: dict[str, Any], width: int, height: int) -> BoxesAnswer:
    asked = Asked(task_named("detection"), Frame.of(width, height, SPEC), 0.0, 0.25)
    arrays = {name: np.array([value], np.float32) for name, value in outputs.items()}
    answer = golden_output(asked, "m", arrays, 0).answer
    assert isinstance(answer, BoxesAnswer)
    return answer


def test_detections_lie_in_the_picture_the_best_first() -> None:
    # 128 x 32 pixels are 64 x 16 of the input, in its left upper corner.
    halves = [[0.0, 1.0], [0.0, 1.0]]
    answer = _answer(
        {
            "boxes": [[0, 0, 8, 4], [8, 4, 24, 12], [40, 8, 80, 90], [0, 0, 1, 1]],
            "scores": [0.3, 0.5, 0.9, 0.0],
            "labels": [1, 2, 0, 5],
            "masks": [halves] * 4,
        },
        128,
        32,
    )
    assert [one.class_index for one in answer.detections] == [0, 2, 1]
    assert [one.box for one in answer.detections] == [
        (80, 16, 128, 32),
        (16, 8, 48, 24),
        (0, 0, 16, 8),
    ]
    # One whose score is the threshold is not above it, whatever 0.3 is in 64 bits.
    assert answer.shown == 2 and answer.detections[2].mask is None
    runs = answer.detections[1].mask
    assert runs is not None
    mask = to_array(RunLengths(32, 128, runs))
    # A mask's two columns have their middles at a quarter of the box's 32 and at three: the
    # probability rises past a half at its middle, and falls below it where half a mask's pixel is
    # less than half within.
    assert mask[8:24].any(axis=0).nonzero()[0].tolist() == list(range(32, 48))
    assert not mask[:8].any() and not mask[24:].any()
    assert answer.apart == 0.25


def test_how_many_pixels_may_be_told_otherwise() -> None:
    box, rest = [0, 0, 64, 16], {"scores": [0.9], "labels": [1]}
    even = _answer({"boxes": [box], **rest, "masks": [[[0.5]]]}, 128, 32)
    # Half a probability everywhere, but less where it falls off to the box's borders.
    assert even.undecided == 0
    flat = _answer({"boxes": [box], **rest, "masks": [np.full((4, 4), 0.5)]}, 128, 32)
    inner = 128 * 32 * (3 / 4) ** 2
    assert flat.undecided == inner
    assert _answer({"boxes": [box], **rest, "masks": [np.ones((4, 4))]}, 128, 32).undecided == 0


def test_a_deployed_detector_has_goldens(bundle: Bundle) -> None:
    config = bundle.config
    assert config.task == "detection" and config.detection is not None
    assert (config.detection.score_threshold, config.detection.mask_threshold) == (0.3, 0.5)
    assert bundle.golden.tolerance.outputs == ()
    for model in config.models:
        shapes = [(output.name, output.shape[:2]) for output in model.outputs]
        assert shapes == [(name, (1, 6)) for name in ("boxes", "scores", "labels", "masks")]
    for image in bundle.golden.images:
        for output in image.outputs:
            answer = output.answer
            assert isinstance(answer, BoxesAnswer) and answer.shown > 0
            precision = next(m.precision for m in config.models if m.id == output.model)
            assert answer.apart == APART[precision]
            masks = [one.mask for one in answer.detections[: answer.shown]]
            assert all(sum(mask or ()) == image.width * image.height for mask in masks)
    assert check_golden(bundle) == []


def test_made_up_ones_have_what_is_hard() -> None:
    for name, one in MADE_UP.items():
        outputs = outputs_of(one)
        asked = Asked(task_named("detection"), Frame.of(*SIZES[0], one.spec), 0.0)
        answer = golden_output(asked, name, outputs, 0).answer
        assert isinstance(answer, BoxesAnswer) and fits(answer, *SIZES[0], 7)
        boxes = np.array([detection.box for detection in answer.detections])
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        scores = [detection.score for detection in answer.detections]
        assert (areas == 0).any() and len(set(scores)) < len(scores)
        assert 0 < answer.shown < len(scores) < outputs["scores"].shape[1]


def _planted(bundle: Bundle, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    shutil.copytree(bundle.folder, folder)
    path = folder / "golden.json"
    document = json.loads(path.read_text())
    change(document["images"][0]["outputs"][0]["answer"])
    path.write_text(json.dumps(document))
    return folder


def _move(answer: dict[str, Any]) -> None:
    answer["detections"][0]["box"][0] += 0.5


def _hide(answer: dict[str, Any]) -> None:
    answer["shown"] -= 1


def _redraw(answer: dict[str, Any]) -> None:
    runs = answer["detections"][0]["mask"]
    runs[0], runs[1] = runs[0] + 1, runs[1] - 1


@pytest.mark.parametrize("change", [_move, _hide, _redraw])
def test_an_altered_answer_is_not_pythons(
    bundle: Bundle, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    planted = read_bundle(_planted(bundle, tmp_path / "planted", change))
    assert len(check_golden(planted)) == 1


def _outside(answer: dict[str, Any]) -> None:
    answer["detections"][0]["box"][2] = 1e6


def _unknown(answer: dict[str, Any]) -> None:
    answer["detections"][0]["class"] = 99


def _torn(answer: dict[str, Any]) -> None:
    answer["detections"][0]["mask"] = [1, 2]


@pytest.mark.parametrize("change", [_outside, _unknown, _torn])
def test_an_answer_of_another_picture_is_refused(
    bundle: Bundle, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    folder = _planted(bundle, tmp_path / "planted", change)
    with pytest.raises(InputError, match="has boxes not of 211x157 pixels and 3 classes"):
        read_bundle(folder)
