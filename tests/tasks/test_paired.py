"""Figures of all images together, on few of them."""

from __future__ import annotations

import numpy as np
import pytest

from stats.paired import resample
from tasks.detection.average_precision import average_precision
from tasks.detection.metrics import BOX_AP
from tasks.detection.objects import Found, Wanted
from tasks.detection.task import AveragePrecisionParts
from tasks.metric import Metric
from tasks.paired import lower_p, other_p
from tests.tasks.test_scores import Ratio

RATIO = Metric("m", "m", "points", 0.005, "corpus")


def _boxes(generator: np.random.Generator, wanted: list[Wanted]) -> AveragePrecisionParts:
    """Of a detector that misses by some pixels."""
    found = []
    for one in wanted:
        moved = one.boxes + generator.normal(0, 4, one.boxes.shape).astype(np.float32)
        scores = generator.random(len(moved)).astype(np.float32)
        found.append(Found(moved, scores, one.labels))
    return AveragePrecisionParts(average_precision(found, wanted))


def _wanted(generator: np.random.Generator, images: int) -> list[Wanted]:
    wanted = []
    for _ in range(images):
        corner = generator.uniform(0, 60, (3, 2)).astype(np.float32)
        boxes = np.concatenate((corner, corner + 30), axis=1)
        labels = generator.integers(0, 3, 3)
        wanted.append(Wanted(100, 100, boxes, labels, np.full(3, 900.0), np.zeros(3, bool)))
    return wanted


def test_two_detectors_that_are_as_good_seldom_differ_on_eight_photos() -> None:
    generator, below = np.random.default_rng(3), 0
    repetitions = 60
    for _ in range(repetitions):
        wanted = _wanted(generator, 8)
        ours, theirs = _boxes(generator, wanted), _boxes(generator, wanted)
        drawn = resample(ours.values, 8, resamples=20).minus(
            resample(theirs.values, 8, resamples=20)
        )
        below += other_p(BOX_AP, ours, theirs, drawn) <= 0.1
    # 6 are expected; 13 or more have a chance of 0.4 %.
    assert 1 <= below <= 12


def test_images_of_both_count_as_they_did_alone() -> None:
    generator = np.random.default_rng(4)
    wanted = _wanted(generator, 6)
    ours, theirs = _boxes(generator, wanted), _boxes(generator, wanted)
    both = ours.beside(theirs)
    weights = np.eye(2, dtype=np.int64).repeat(6, axis=1)
    assert both.values(weights).tolist() == pytest.approx([ours.value(), theirs.value()])
    assert ours.value() != theirs.value()
    exchanged = generator.integers(0, 2, 6)
    mixed = both.values(np.concatenate((1 - exchanged, exchanged))[None])
    assert 0 < mixed[0] < 1


def test_a_fall_is_told_with_few_images_and_with_many() -> None:
    generator = np.random.default_rng(5)
    for images in (12, 800):
        base = generator.uniform(0.5, 0.9, images)
        worse = base - 0.05 + generator.normal(0, 0.02, images)
        now, then = (Ratio(np.stack([v, np.ones(images)], 1)) for v in (worse, base))
        drawn = resample(now.values, images).minus(resample(then.values, images))
        assert lower_p(RATIO, now, then, drawn) < 0.002
        assert lower_p(RATIO, then, now, drawn) > 0.99 or images > 500
