"""Regressions of a segmenter: mean IoU by the paired bootstrap, agreement of pixels with float."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fbdeploy.check.baseline import (
    Baseline,
    Parts,
    Record,
    ScoredImages,
    read_baseline,
    write_baseline,
)
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.findings import CheckReport, Finding
from fbdeploy.check.packing import pack_floats
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import load_rules
from fbdeploy.records.predictions import Predictions, write_predictions
from fbdeploy.records.results import EvaluationLine, read_lines
from tasks.segmentation.task import Segmented
from tests.fbdeploy.check.comparing import before
from tests.fbdeploy.check.outputs import output
from tests.fbdeploy.samples import digest
from zoo.datasets.class_map import ClassMap
from zoo.errors import InputError

__all__ = ["before"]

IMAGES, CLASSES, PIXELS = 200, 4, 1000


def _counts(generator: np.random.Generator, right: float) -> NDArray[np.float64]:
    """Pixels of each class in target, prediction and both, of images of unlike difficulty."""
    fixed = np.random.default_rng(0)
    target = fixed.multinomial(PIXELS, [0.4, 0.3, 0.2, 0.1], IMAGES)
    ease = fixed.normal(0, 0.05, (IMAGES, 1))
    both = generator.binomial(target, np.clip(right + ease, 0, 1))
    wrong = target - both
    return np.concatenate([target, both + np.roll(wrong, 1, axis=1), both], axis=1).astype(float)


def _baseline(
    like: Baseline, counts: NDArray[np.float64], alike: float = 0.98, images: str = "scenes"
) -> Baseline:
    fixed = np.random.default_rng(1).normal(0, 0.001, (IMAGES, 1))
    kept = {"miou": counts, "pixel_agreement": np.clip(alike + fixed, 0, 1)}
    parts = {
        name: Parts(columns=values.shape[1], data=pack_floats(values))
        for name, values in kept.items()
    }
    record: Record = like.artefacts[0].model_copy(update={"parts": parts, "latencies": ()})
    data = ScoredImages(name=images, images=IMAGES, sha256=digest(images), task="segmentation")
    return like.model_copy(update={"data": data, "artefacts": (record,)})


def _found(report: CheckReport, measure: str) -> Finding:
    (found,) = (
        finding
        for artefact in report.artefacts
        for finding in artefact.findings
        if finding.measure == measure
    )
    return found


def test_a_drop_beyond_chance_and_limit_is_a_regression(before: Baseline) -> None:
    generator, rules = np.random.default_rng(2), load_rules()
    then = _baseline(before, _counts(generator, 0.85))
    again = compare_baselines(then, _baseline(before, _counts(generator, 0.85)), rules)
    assert again.verdict == "PASS" and again.headline == "mIoU"
    worse = compare_baselines(then, _baseline(before, _counts(generator, 0.83)), rules)
    found = _found(worse, "accuracy")
    assert worse.verdict == "REGRESSED" and found.failed
    assert found.before is not None and found.after is not None and found.change is not None
    assert (
        found.change == pytest.approx(found.after - found.before) and -0.04 < found.change < -0.01
    )
    low, high = found.change_interval or (0, 0)
    assert low < found.change < high < 0
    small = compare_baselines(then, _baseline(before, _counts(generator, 0.849)), rules)
    assert _found(small, "accuracy").verdict == "PASS"


def test_pixels_that_part_from_float_are_one(before: Baseline) -> None:
    counts, rules = _counts(np.random.default_rng(3), 0.85), load_rules()
    then, now = _baseline(before, counts), _baseline(before, counts, alike=0.95)
    report = compare_baselines(then, now, rules)
    assert _found(report, "accuracy").verdict == "PASS"
    assert _found(report, "agreement").verdict == "REGRESSED"


def test_what_cannot_be_compared(before: Baseline) -> None:
    counts, rules = _counts(np.random.default_rng(3), 0.85), load_rules()
    then = _baseline(before, counts)
    other = compare_baselines(then, _baseline(before, counts, images="others"), rules)
    assert "other images than the baseline's" in _found(other, "accuracy").reason
    task = compare_baselines(before, then, rules)
    assert _found(task, "accuracy").verdict == "INCOMPARABLE"


def test_a_baseline_of_a_segmenter_is_read_again(before: Baseline, tmp_path: Path) -> None:
    then = _baseline(before, _counts(np.random.default_rng(3), 0.85))
    write_baseline(tmp_path / "b.json", then)
    assert read_baseline(tmp_path / "b.json") == then
    parts = Parts(columns=7, data=pack_floats(np.zeros((IMAGES, 7))))
    record = then.artefacts[0].model_copy(update={"parts": {"miou": parts}})
    write_baseline(tmp_path / "b.json", then.model_copy(update={"artefacts": (record,)}))
    with pytest.raises(InputError, match="the predictions are no overlaps of classes"):
        read_baseline(tmp_path / "b.json")


def test_a_folder_of_a_segmenter_is_reduced(tmp_path: Path) -> None:
    folder = output().write(tmp_path / "out")
    answers = [Segmented(ClassMap.of(np.zeros((4, 4), np.uint8)), CLASSES)] * IMAGES
    counts = _counts(np.random.default_rng(3), 0.85)
    for line in read_lines(folder):
        if isinstance(line, EvaluationLine):
            kept = Predictions(
                images_sha256=digest("scenes"),
                names=tuple(map(str, range(IMAGES))),
                task="segmentation",
                predictions=answers,
                reference=answers,
                labels=np.zeros(0, np.int32),
                parts={"miou": counts, "pixel_agreement": np.ones((IMAGES, 1))},
            )
            assert write_predictions(folder, line.key, kept) == line.predictions
    found = baseline_of(folder)
    assert found.data is not None and (found.data.images, found.data.labels) == (IMAGES, "")
    assert found.data.task == "segmentation"
    assert compare_baselines(found, found, load_rules()).verdict == "PASS"
