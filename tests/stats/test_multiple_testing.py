from __future__ import annotations

import numpy as np
import pytest

from stats.multiple_testing import tarone_count, weighted_holm


def test_weighted_holm_with_equal_weights_is_holms() -> None:
    # Sorted p-values times 4, 3, 2, 1, made monotone.
    found = weighted_holm([0.01, 0.04, 0.03, 0.005], [1, 1, 1, 1])
    assert found.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert weighted_holm([0.5, 0.9], [1, 1]).tolist() == pytest.approx([1.0, 1.0])
    scaled = weighted_holm([0.01, 0.04, 0.03, 0.005], [7, 7, 7, 7])
    assert scaled.tolist() == pytest.approx(found.tolist())


def test_weighted_holm_by_hand() -> None:
    # p / weight is 0.025, 0.3, 0.08; in that order the weights that remain are 1, 0.6 and 0.1.
    found = weighted_holm([0.01, 0.03, 0.04], [0.4, 0.1, 0.5])
    assert found.tolist() == pytest.approx([0.025, 0.048, 0.048])


def test_weighted_holm_keeps_the_familys_level() -> None:
    generator = np.random.default_rng(13)
    weights = np.array([0.6, 0.2, 0.1, 0.1])
    false = np.mean(
        [bool(np.any(weighted_holm(generator.random(4), weights) <= 0.05)) for _ in range(4000)]
    )
    # Independent tests: 1 - prod(1 - 0.05 w) = 0.0492; its standard error here is 0.0034.
    assert 0.039 <= false <= 0.060


def test_tarone_counts_only_tests_that_could_be_significant() -> None:
    assert tarone_count([], 0.05) == 1
    assert tarone_count([1e-9] * 7, 0.05) == 7  # all could: Bonferroni
    assert tarone_count([0.5] * 100 + [0.001], 0.05) == 1
    # Two could reach 0.05, so k = 1 is too few; k = 2 suffices, however few reach 0.025.
    assert tarone_count([0.001, 0.02, 0.5], 0.05) == 2
    assert tarone_count([0.001, 0.04], 0.05) == 2
