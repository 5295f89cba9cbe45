"""P-values of several tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from stats.interval import FloatVector


def weighted_holm(p_values: ArrayLike, weights: ArrayLike) -> FloatVector:
    """Holm's (1979, Scand. J. Stat. 6:65, section 3) adjusted p-values of weighted hypotheses.

    Rejecting those of at most alpha keeps the chance of any false rejection at alpha, whatever the
    dependence between the tests. Equal weights are his ordinary procedure.

    Args:
        p_values: (n,).
        weights: (n,), positive; only their ratios count.

    Returns:
        (n,), at most 1.
    """
    values, shares = np.asarray(p_values, np.float64), np.asarray(weights, np.float64)
    order = np.argsort(values / shares, kind="stable")
    remaining = np.cumsum(shares[order][::-1])[::-1]
    steps = np.maximum.accumulate(values[order] / shares[order] * remaining)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def tarone_count(least: ArrayLike, alpha: float) -> int:
    """By how much to multiply discrete p-values instead of Bonferroni's number of tests.

    The smallest k such that at most k of the tests could reach alpha / k at all (Tarone 1990,
    Biometrics 46:515). Valid for every level up to ``alpha`` too.

    Args:
        least: (n,), the least p-value that each test can have.
        alpha: level of the whole family.

    Returns:
        1..max(1, n).
    """
    ordered = np.sort(np.asarray(least, np.float64))
    counts = np.arange(1, max(1, ordered.size) + 1)
    reachable = np.searchsorted(ordered, alpha / counts, side="right")
    return int(counts[np.argmax(reachable <= counts)])
