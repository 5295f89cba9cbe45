"""The float network is judged before int8 is compared with it."""

from __future__ import annotations

import numpy as np
import pytest

from fbdeploy.pipeline.steps.float_check import float_check, pixel_check
from stats.class_overlap import ClassOverlap
from tasks.segmentation.overlap import MeanIou

LABELS = (np.arange(116) % 10).astype(np.int64)


def test_a_network_that_knows() -> None:
    answers = np.where(np.arange(116) % 4 == 0, 0, LABELS).astype(np.int64)
    found = float_check(LABELS, answers)
    assert found.passed and found.top1 is not None and found.top1 > 0.7
    assert found.chance == 12 / 116


def test_classes_in_another_order_are_no_better_than_chance() -> None:
    found = float_check(LABELS, (LABELS + 3) % 10)
    assert not found.better_than_chance and found.varied
    assert found.top1 == 0


def test_two_classes_that_are_swapped() -> None:
    labels = (np.arange(40) % 2).astype(np.int64)
    assert not float_check(labels, 1 - labels).better_than_chance


def test_one_answer_for_everything() -> None:
    found = float_check(LABELS, np.full(116, 7, np.int64))
    assert not found.varied and found.commonest_class == 7 and found.commonest_share == 1


def test_one_answer_without_labels() -> None:
    found = float_check(np.full(116, -1, np.int64), np.full(116, 7, np.int64))
    assert not found.varied and found.better_than_chance and found.top1 is None


def test_images_of_one_class_ask_for_one_answer() -> None:
    same = np.full(30, 4, np.int64)
    assert float_check(same, same).passed


def test_too_few_images_tell_nothing() -> None:
    labels = np.array([0, 1, 0, 1], np.int64)
    assert float_check(labels, labels).passed


def _overlap(images: int, right: float, commonest: int = 0) -> MeanIou:
    """Of 100 pixels an image, 40 of class 0, 30 of 1, 30 of 2; the wrong answers are one class."""
    generator = np.random.default_rng(0)
    target = np.tile([40, 30, 30], (images, 1))
    both = generator.binomial(target, right)
    predicted = both.copy()
    predicted[:, commonest] += 100 - both.sum(1)
    return MeanIou(ClassOverlap(target, predicted, both))


def test_a_segmenter_that_knows_and_one_that_guesses() -> None:
    found = pixel_check(_overlap(40, 0.8))
    assert found.passed and found.top1 == pytest.approx(0.8, abs=0.02) and found.chance == 0.4
    assert not pixel_check(_overlap(40, 0.3)).better_than_chance
    # So few images say nothing.
    assert pixel_check(_overlap(4, 0.3)).better_than_chance
    background = np.tile([100, 0, 0], (20, 1))
    target = np.tile([40, 30, 30], (20, 1))
    same = pixel_check(MeanIou(ClassOverlap(target, background, np.minimum(target, background))))
    assert not same.varied and same.commonest_share == 1 and same.commonest_class == 0
