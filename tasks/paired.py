"""Whether a metric of the same images tells two predictors apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats.paired import Resampled, exchange_p, permutation_p
from tasks.base import Evaluation
from tasks.metric import Metric

EXCHANGED = 400
"""With more images than this the bootstrap serves metrics of all images together as well; each of
the exchange test's draws takes four times as long."""


def lower_p(metric: Metric, now: Evaluation, then: Evaluation, drawn: Resampled) -> float:
    """One-sided p-value of a metric, not ``binary``, that ``now`` is not below ``then``, both of
    the same images; ``drawn`` is the bootstrap of now minus then.

    Of means it is the permutation test's, of what is computed of all images together that of the
    exchange test, or with more than ``EXCHANGED`` images the bootstrap's, which is too small with
    few: it draws around what is seen, not around no difference.
    """
    found = _p(metric, now, then, lower=True)
    return drawn.p_below() if found is None else found


def other_p(metric: Metric, now: Evaluation, then: Evaluation, drawn: Resampled) -> float:
    """The two-sided p-value that they are alike, likewise."""
    found = _p(metric, now, then, lower=False)
    return drawn.p_other_than_zero() if found is None else found


def _p(metric: Metric, now: Evaluation, then: Evaluation, *, lower: bool) -> float | None:
    if metric.kind == "mean":
        return permutation_p(now.parts[:, 0] - then.parts[:, 0], lower=lower)
    if now.images > EXCHANGED:
        return None
    both = now.beside(then)

    def difference(exchanged: NDArray[np.int64]) -> NDArray[np.float64]:
        kept = 1 - exchanged
        first = both.values(np.concatenate((kept, exchanged), axis=1))
        second = both.values(np.concatenate((exchanged, kept), axis=1))
        return np.asarray(first - second, np.float64)

    return exchange_p(difference, now.images, lower=lower)
