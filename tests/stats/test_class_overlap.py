"""Overlap of masks, by hand and by counting pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stats.class_overlap import ClassOverlap

IGNORE = 255


def _of(target: list[list[int]], predicted: list[list[int]], classes: int = 4) -> ClassOverlap:
    return ClassOverlap.of(
        np.array(target, np.uint8), np.array(predicted, np.uint8), classes, IGNORE
    )


def test_one_image_by_hand() -> None:
    overlap = _of([[0, 0, 1], [1, 1, IGNORE]], [[0, 1, 1], [1, 0, 3]])
    # Class 0: 1 of 3; class 1: 2 of 4; 2 is nowhere, 3 only where nothing counts.
    assert overlap.ious()[:2] == pytest.approx([1 / 3, 2 / 4])
    assert np.isnan(overlap.ious()[2:]).all()
    assert overlap.mean_iou() == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert overlap.pixel_accuracy() == pytest.approx(3 / 5)


def test_a_class_that_only_the_prediction_has_counts_as_zero() -> None:
    overlap = _of([[0, 0]], [[0, 2]])
    assert overlap.mean_iou() == pytest.approx((1 / 2 + 0) / 2)


def test_classes_are_of_all_images_together() -> None:
    """Not the mean of the images' own values, which would be 3/4 and 1/2."""
    first, second = _of([[0, 0, 0, 1]], [[0, 0, 0, 1]]), _of([[0, 1, 1, 1]], [[1, 1, 1, 1]])
    overlap = ClassOverlap.join([first, second])
    assert overlap.images == 2
    assert overlap.ious()[:2] == pytest.approx([3 / 4, 4 / 5])
    assert overlap.pixel_accuracy() == pytest.approx(7 / 8)


def test_weights_repeat_images() -> None:
    generator = np.random.default_rng(0)
    parts = [
        ClassOverlap.of(*generator.integers(0, 4, (2, 6, 5), dtype=np.uint8), 4, IGNORE)
        for _ in range(5)
    ]
    weights = np.array([2, 0, 1, 3, 0])
    repeated = ClassOverlap.join(
        part for part, times in zip(parts, weights, strict=True) for _ in range(times)
    )
    overlap = ClassOverlap.join(parts)
    assert overlap.ious(weights).tolist() == repeated.ious().tolist()
    draws = np.stack((weights, np.ones_like(weights)))
    assert overlap.mean_ious(draws).tolist() == [repeated.mean_iou(), overlap.mean_iou()]


def test_random_masks_pixel_by_pixel() -> None:
    generator = np.random.default_rng(1)
    target = generator.integers(0, 5, (40, 30), dtype=np.uint8)
    predicted = generator.integers(0, 5, (40, 30), dtype=np.uint8)
    target[generator.random(target.shape) < 0.2] = IGNORE
    pairs = [
        (t, p)
        for t, p in zip(target.ravel().tolist(), predicted.ravel().tolist(), strict=True)
        if t != IGNORE
    ]
    ious = [sum(t == p == c for t, p in pairs) / sum(c in pair for pair in pairs) for c in range(5)]
    overlap = ClassOverlap.of(target, predicted, 5, IGNORE)
    assert overlap.ious() == pytest.approx(ious)
    assert overlap.mean_iou() == pytest.approx(sum(ious) / 5)


def test_where_nothing_counts_nothing_is_told() -> None:
    overlap = _of([[IGNORE, IGNORE]], [[0, 1]])
    assert math.isnan(overlap.mean_iou()) and math.isnan(overlap.pixel_accuracy())


def test_what_is_no_class() -> None:
    with pytest.raises(ValueError, match=r"beyond 0\.\.3"):
        _of([[4]], [[0]])
    with pytest.raises(ValueError, match=r"beyond 0\.\.3"):
        _of([[0]], [[4]])
    with pytest.raises(ValueError, match="differ"):
        _of([[0, 1]], [[0]])
