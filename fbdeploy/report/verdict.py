"""Whether an artefact is as accurate as the float network, and how many images it takes to tell.

That a drop is not significant does not mean that there is none: on a hundred images nothing is. An
artefact is as accurate as float where the images show it: what decides for its task, top-1 for a
classifier, of instance segmentation the worse of box and mask AP, drops by at most the metric's
tolerance, and the 95 % interval of the difference leaves out a drop of ``MARGIN`` (a test of
non-inferiority). It is worse where its drop exceeds the
tolerance and is significant. Between the two it cannot be told. Without labels, how far it answers
as float does decides.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal

from fbdeploy.records.results import ScoreInfo
from fbdeploy.records.rows import ResultRow
from stats.interval import Interval
from tasks.metric import Metric
from tasks.metrics import METRICS

MARGIN = 0.01
"""Share of the images: the drop that must be ruled out. Int8 that changes 1 % of the answers has an
interval of 0.3 to 0.5 points to each side on 2,000 images, which rules a point out."""
SIGNIFICANCE = 0.05
POWER = 0.8
"""Chance that an artefact exactly as accurate as float is found to be so on the images needed."""
_Z = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2)
_REACH = (_Z + NormalDist().inv_cdf(POWER)) ** 2

Verdict = Literal["accurate", "worse", "unknown", "unscored", "rejected"]


def verdict_of(row: ResultRow) -> Verdict:
    """The rule above. fp32 that equals the float network is as accurate by that, on any images."""
    if row.rejected:
        return "rejected"
    found = decisive(row)
    if found is None or not row.images:
        return "unscored"
    tolerance = metric_of(found).tolerance
    if found.difference is not None:
        drops = found.difference < -tolerance
        if drops and found.p is not None and found.p < SIGNIFICANCE:
            return "worse"
        shown = not drops and least_difference(row) >= -MARGIN
    else:
        low, high = _interval(row, found)
        if high < 1 - tolerance:
            return "worse"
        shown = found.value >= 1 - tolerance and low >= 1 - tolerance - MARGIN
    return "accurate" if shown or row.precision == "fp32" else "unknown"


def metric_of(score: ScoreInfo) -> Metric:
    """What is told of a score's metric."""
    return METRICS[score.metric]


def headline(row: ResultRow) -> ScoreInfo | None:
    """What an artefact's accuracy is told by: the first of its task's metrics that is known, which
    without labels is how far it answers as float does."""
    return next((score for score in row.scores if score.metric in METRICS), None)


def decisive(row: ResultRow) -> ScoreInfo | None:
    """What decides on an artefact: of the metrics that do and are compared with float's the one
    that may have fallen most, else how far it answers as float does; None where neither is
    known."""
    told = [score for score in row.scores if score.metric in METRICS]
    compared = [score for score in told if score.difference is not None]
    deciding = [score for score in compared if metric_of(score).decides]
    alike = (score for score in told if metric_of(score).against == "reference")
    fallen = min(deciding, key=_lowest, default=None)
    return fallen or next(iter(compared), None) or next(alike, None)


def _lowest(score: ScoreInfo) -> float:
    """The lower end of what a score's difference may be."""
    assert score.difference is not None
    return score.difference_interval[0] if score.difference_interval else score.difference


def least_difference(row: ResultRow) -> float:
    """The lower end of what the difference from float may be, a share of the images in -1..1, of
    what is decisive. -1 where the row does not say."""
    found = decisive(row)
    if found is None:
        return -1.0
    if found.difference is not None:
        return -1.0 if found.difference_interval is None else found.difference_interval[0]
    return _interval(row, found)[0] - 1


def images_needed(row: ResultRow) -> int | None:
    """How many images would tell, to two digits; None where the row does not say.

    The size of a paired test of non-inferiority (Lu and Bean 1995, Stat. Med. 14:1831), from the
    variance that these images show: (z_0.975 + z_0.8)^2 var / margin^2, the true difference being
    none. Where the artefact has dropped by more than the tolerance, it is at least the size that
    finds such a drop.
    """
    found = decisive(row)
    if not row.images or found is None:
        return None
    if found.difference is None:
        # Of the interval's middle: no image that differs says little about how many would.
        middle = sum(_interval(row, found)) / 2
        needed = _REACH * middle * (1 - middle) / MARGIN**2
    elif found.difference_interval is None:
        return None
    else:
        low, high = found.difference_interval
        variance = row.images * ((high - low) / (2 * _Z)) ** 2
        needed = _REACH * variance / MARGIN**2
        if found.difference < -metric_of(found).tolerance:
            needed = max(needed, _REACH * variance / found.difference**2)
    return _two_digits(max(needed, 1.1 * row.images))


def _interval(row: ResultRow, score: ScoreInfo) -> Interval:
    """The 95 % interval of a score; Wilson's where it was not kept."""
    if score.interval is not None:
        return score.interval
    assert row.images
    from stats.proportions import wilson_interval

    return wilson_interval(round(score.value * row.images), row.images)


def _two_digits(number: float) -> int:
    size = 10 ** max(0, len(str(int(number))) - 2)
    return int(-(-number // size) * size)
