"""Run lengths against pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from zoo.datasets.detection.annotations import RunLengths
from zoo.datasets.detection.run_lengths import from_array, parse_counts, to_array


@pytest.mark.parametrize("seed", range(5))
def test_text_and_arrays_are_pycocotools(seed: int) -> None:
    generator = np.random.default_rng(seed)
    mask = generator.random((37, 53)) < (0.5, 0.02, 0.98, 0.0, 1.0)[seed]
    text = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    runs = from_array(mask)
    assert parse_counts(text) == runs.counts
    assert np.array_equal(to_array(runs), mask)
    assert parse_counts(list(runs.counts)) == runs.counts


def test_long_runs() -> None:
    mask = np.zeros((3000, 2000), bool)
    mask[1500:, 1000] = True
    text = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert parse_counts(text) == (1000 * 3000 + 1500, 1500, 999 * 3000)
    assert to_array(RunLengths(3000, 2000, parse_counts(text))).sum() == 1500


@pytest.mark.parametrize(
    ("text", "said"),
    [("P", "within a number"), ("é", "character"), ("P" * 20, "too large"), ("1O", "below 0")],
)
def test_damaged_text(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_counts(text)
