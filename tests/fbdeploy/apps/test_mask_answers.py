"""Masks in golden.json: whose pixels they tell, and how many an app may tell otherwise."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from fbdeploy.apps import goldens
from fbdeploy.apps.bundle_reading import Bundle, check_golden, read_bundle
from fbdeploy.apps.goldens import Asked, golden_output
from fbdeploy.apps.mask_answers import classes_of, mask_answer, runs_of
from fbdeploy.records.bundle_schema import MaskAnswer
from tasks.table import task_named
from tests.mask_goldens import trial_segmenter
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame

SPEC = InputSpec(height=60, width=80, crop_pct=1.0, crop_mode="border")
GENERATOR = np.random.default_rng(3)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(trial_segmenter())


def _answer(logits: NDArray[np.float32], allowed: float = 0.0, frame: Frame | None = None) -> Any:
    asked = Asked(task_named("segmentation"), frame or Frame.of(40, 40, SPEC), allowed)
    return golden_output(asked, "m", {"logits": logits}, 0).answer


def _smooth(classes: int = 7) -> NDArray[np.float32]:
    noise = torch.from_numpy(GENERATOR.normal(0, 5, (1, classes, 11, 14)).astype(np.float32))
    return torch.nn.functional.avg_pool2d(noise, 3, 1, 1).numpy()


def _resized(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    doubles = torch.from_numpy(logits).double()
    return interpolate(doubles, size=(60, 80), mode="bilinear", align_corners=False)[0].numpy()


def test_a_mask_is_of_the_input_and_its_shares_of_the_picture() -> None:
    logits = _smooth()
    answer = _answer(logits)
    wanted = _resized(logits).argmax(0)
    assert (answer.kind, answer.width, answer.height) == ("mask", 80, 60)
    assert (classes_of(answer) != wanted).sum() <= answer.undecided < 30
    # A square picture under an oblong input lies in its middle 60 columns.
    counts = np.bincount(classes_of(answer)[:, 10:70].ravel(), minlength=7)
    shares = {share.class_index: share.pixels for share in answer.shares}
    assert shares == {index: count for index, count in enumerate(counts.tolist()) if count}
    assert [share.pixels for share in answer.shares] == sorted(shares.values(), reverse=True)


def test_pixels_that_other_logits_within_the_tolerance_turn_are_counted() -> None:
    logits, allowed = _smooth(), 0.3
    answer = _answer(logits, allowed)
    two = np.sort(_resized(logits), axis=0)[-2:]
    assert answer.close == pytest.approx((two[1] - two[0] <= 2 * allowed).sum(), abs=3)
    turned = set[int]()
    for _ in range(20):
        shift = allowed * GENERATOR.choice([-1, 1], logits.shape).astype(np.float32)
        found = classes_of(_answer(logits + shift))
        turned |= set(np.flatnonzero(found != classes_of(answer)).tolist())
    # Any others together stay within, and they are no small part.
    assert answer.close / 4 < len(turned) <= answer.close


def test_only_what_float32_cannot_tell_apart_is_undecided() -> None:
    equal = np.zeros((1, 3, 4, 4), np.float32)
    assert _answer(equal).undecided == 0, "who resizes both alike gets the first"
    near = equal.copy()
    near[0, 0] = 1
    near[0, 1] = 1 + 1e-6
    assert _answer(near).undecided == 60 * 80
    apart = near.copy()
    apart[0, 0] = 1.1
    assert _answer(apart).undecided == 0
    as_they_are = GENERATOR.integers(0, 3, (1, 4, 60, 80)).astype(np.float32)
    assert _answer(as_they_are).undecided == 0, "nothing is resized"


def test_runs_hold_every_mask() -> None:
    masks = [
        np.zeros((300, 300), np.uint8),
        np.arange(256, dtype=np.uint8).reshape(16, 16),
        np.repeat(np.uint8([[7, 9]]), [65536, 65535], axis=1),
    ]
    for mask in masks:
        runs = base64.b64encode(runs_of(mask)).decode()
        height, width = mask.shape
        answer = MaskAnswer(width=width, height=height, runs=runs, shares=(), undecided=0, close=0)
        assert (classes_of(answer) == mask).all()
    assert runs_of(np.uint8([[1, 1, 2], [2, 2, 2]])) == bytes([1, 2, 0, 2, 4, 0])
    assert len(runs_of(masks[0])) == 2 * 3


def test_an_output_too_large_to_keep_is_answered_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(goldens, "VALUES_BYTES", 100)
    logits = _smooth()
    asked = Asked(task_named("segmentation"), Frame.of(40, 40, SPEC), 0.0)
    output = golden_output(asked, "m", {"logits": logits}, 0)
    assert output.values == () and isinstance(output.answer, MaskAnswer)


def test_a_segmenter_s_bundle_holds_masks_of_every_model(bundle: Bundle) -> None:
    assert bundle.config.task == "segmentation"
    assert bundle.labels == ("background", "a", "b", "c", "d", "e")
    assert check_golden(bundle) == []
    ids = {model.id for model in bundle.config.models}
    assert {"onnx-fp32", "onnx-int8"} <= ids
    for image in bundle.golden.images:
        answers = {output.model: output.answer for output in image.outputs}
        assert set(answers) == ids
        for answer in answers.values():
            assert isinstance(answer, MaskAnswer)
            assert len(answer.shares) >= 3, "a mask of nothing proves nothing"
            # Its shares are of what is no padding.
            place = Frame.of(image.width, image.height, bundle.config.input).placement
            assert sum(s.pixels for s in answer.shares) == place.width * place.height


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda answer: answer.update(width=81), "not of 80x48 pixels"),
        (lambda answer: answer.update(runs=answer["runs"][4:]), "not of 80x48 pixels"),
        (lambda answer: answer.update(runs="BgAP"), "not of 80x48 pixels and 6 classes"),
        (lambda answer: answer.update(kind="riddle"), "answer"),
    ],
)
def test_a_golden_mask_outside_the_contract_is_refused(
    bundle: Bundle, tmp_path: Path, change: Any, named: str
) -> None:
    shutil.copytree(bundle.folder, tmp_path, dirs_exist_ok=True)
    document = json.loads((tmp_path / "golden.json").read_text())
    change(document["images"][0]["outputs"][0]["answer"])
    (tmp_path / "golden.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=named) as error:
        read_bundle(tmp_path)
    assert "\n" not in str(error.value)


def test_another_mask_of_the_same_logits_is_caught(bundle: Bundle) -> None:
    image = bundle.golden.images[0]
    output = image.outputs[0]
    assert isinstance(output.answer, MaskAnswer)
    shifted = np.roll(classes_of(output.answer), 1, axis=1)
    frame = Frame.of(image.width, image.height, bundle.config.input)
    answer = mask_answer(shifted, np.zeros((6, *shifted.shape), np.float32), frame, 0.0)
    outputs = (output.model_copy(update={"answer": answer}), *image.outputs[1:])
    images = (image.model_copy(update={"outputs": outputs}), *bundle.golden.images[1:])
    golden = bundle.golden.model_copy(update={"images": images})
    (failure,) = check_golden(replace(bundle, golden=golden))
    assert output.model in failure and image.name in failure
