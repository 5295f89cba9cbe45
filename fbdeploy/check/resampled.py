"""Metrics that are no share of right answers, on the same images before and after.

p-values are one-sided (``tasks.paired``), intervals the paired bootstrap's over images.
"""

from __future__ import annotations

from dataclasses import dataclass

from fbdeploy.check.decide import Hypothesis
from fbdeploy.check.rules import TestedMeasure
from stats.bootstrap import RESAMPLES
from stats.interval import Interval
from stats.paired import resample_difference
from tasks.base import Evaluation
from tasks.metric import Metric
from tasks.paired import lower_p


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
    p_value = lower_p(metric, now, then, drawn)
    # Images that change hands do so in so many ways, of which one is what was seen.
    least = max(2.0**-now.images, 1 / (1 + RESAMPLES))
    hypothesis = Hypothesis(measure, p_value, least, exceeds=-change > limit)
    return ResampledChange(change, drawn.interval(), hypothesis)
