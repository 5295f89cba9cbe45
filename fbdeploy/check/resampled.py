"""Metrics that are no share of right answers, on the same images before and after.

Of a mean over images by permutations, of what is computed of all images together (mean IoU, average
precision) by the paired bootstrap over images; both one-sided.
"""

from __future__ import annotations

from dataclasses import dataclass

from fbdeploy.check.decide import Hypothesis
from fbdeploy.check.rules import TestedMeasure
from stats.bootstrap import RESAMPLES
from stats.interval import Interval
from stats.paired import permutation_p, resample_difference
from tasks.base import Evaluation
from tasks.metric import Metric


@dataclass(frozen=True)
class ResampledChange:
    """What a metric became: ``change`` is now minus then, with its 95 % ``interval``, in the
    metric's units; ``hypothesis`` is that it did not fall."""

    change: float
    interval: Interval
    hypothesis: Hypothesis


def resampled_change(
    measure: TestedMeasure, metric: Metric, then: Evaluation, now: Evaluation, limit: float
) -> ResampledChange:
    """Of one metric, which is not ``binary``.

    ``limit`` is the drop, in the metric's units, that is let pass.
    """
    drawn = resample_difference(now.values, then.values, now.images)
    change = now.value() - then.value()
    p_value = drawn.p_below()
    if metric.kind == "mean":
        p_value = permutation_p(now.parts[:, 0] - then.parts[:, 0], lower=True)
    hypothesis = Hypothesis(measure, p_value, 1 / (1 + RESAMPLES), exceeds=-change > limit)
    return ResampledChange(change, drawn.interval(), hypothesis)
