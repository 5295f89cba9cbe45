"""Whether an artefact is as accurate as the float network, and how many images it takes to tell.

That a drop is not significant does not mean that there is none: on a hundred images nothing is. An
artefact is as accurate as float where the images show it: its top-1 drops by at most
``DROP_TOLERANCE``, and the 95 % interval of the difference leaves out a drop of ``MARGIN`` (a test
of non-inferiority). It is worse where its drop exceeds the tolerance and is significant. Between
the two it cannot be told.
"""

from __future__ import annotations

from typing import Literal

from scipy import stats

from fbdeploy.records.results import ResultRow
from stats.interval import Interval
from stats.proportions import wilson_interval

DROP_TOLERANCE = 0.005
"""Share of the images: half a point, the floor for int8 in every format."""
MARGIN = 0.01
"""Share of the images: the drop that must be ruled out. Int8 that changes 1 % of the answers has an
interval of 0.3 to 0.5 points to each side on 2,000 images, which rules a point out."""
SIGNIFICANCE = 0.05
AGREEMENT_TOLERANCE = 0.98
"""Of unlabelled images, the share on which artefact and float must choose the same class."""
POWER = 0.8
"""Chance that an artefact exactly as accurate as float is found to be so on the images needed."""
_Z = float(stats.norm.ppf(1 - SIGNIFICANCE / 2))
_REACH = (_Z + float(stats.norm.ppf(POWER))) ** 2

Verdict = Literal["accurate", "worse", "unknown", "unscored", "rejected"]


def verdict_of(row: ResultRow) -> Verdict:
    """The rule above. fp32 that equals the float network is as accurate by that, on any images."""
    if row.rejected:
        return "rejected"
    if row.agreement is None or not row.images:
        return "unscored"
    if row.top1_difference is not None:
        drops = row.top1_difference < -DROP_TOLERANCE
        if drops and row.mcnemar_p is not None and row.mcnemar_p < SIGNIFICANCE:
            return "worse"
        shown = not drops and least_difference(row) >= -MARGIN
    else:
        interval = _agreement(row)
        if interval.high < AGREEMENT_TOLERANCE:
            return "worse"
        shown = (
            row.agreement >= AGREEMENT_TOLERANCE and interval.low >= AGREEMENT_TOLERANCE - MARGIN
        )
    return "accurate" if shown or row.precision == "fp32" else "unknown"


def least_difference(row: ResultRow) -> float:
    """The lower end of what the difference from float may be, a share of the images in -1..1: of
    top-1, else of agreement. -1 where the row does not say."""
    if row.top1_difference is not None:
        return -1.0 if row.difference_interval is None else row.difference_interval[0]
    return _agreement(row).low - 1


def images_needed(row: ResultRow) -> int | None:
    """How many images would tell, to two digits; None where the row does not say.

    The size of a paired test of non-inferiority (Lu and Bean 1995, Stat. Med. 14:1831), from the
    variance that these images show: (z_0.975 + z_0.8)^2 var / margin^2, the true difference being
    none. Where the artefact has dropped by more than the tolerance, it is at least the size that
    finds such a drop.
    """
    if not row.images:
        return None
    if row.top1_difference is None:
        # Of the interval's middle: no image that differs says little about how many would.
        middle = sum(_agreement(row).as_tuple()) / 2
        needed = _REACH * middle * (1 - middle) / MARGIN**2
    elif row.difference_interval is None:
        return None
    else:
        low, high = row.difference_interval
        variance = row.images * ((high - low) / (2 * _Z)) ** 2
        needed = _REACH * variance / MARGIN**2
        if row.top1_difference < -DROP_TOLERANCE:
            needed = max(needed, _REACH * variance / row.top1_difference**2)
    return _two_digits(max(needed, 1.1 * row.images))


def _agreement(row: ResultRow) -> Interval:
    """95 % interval of the agreement on the row's images."""
    assert row.agreement is not None and row.images
    return wilson_interval(round(row.agreement * row.images), row.images)


def _two_digits(number: float) -> int:
    size = 10 ** max(0, len(str(int(number))) - 2)
    return int(-(-number // size) * size)
