"""The float network is judged before int8 is compared with it."""

from __future__ import annotations

import numpy as np

from fbdeploy.pipeline.steps.float_check import float_check

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
