"""From p-values to verdicts: one weighted Holm procedure over everything that may be chance.

A hypothesis says that a measure of an artefact has not become worse. It is rejected, and the check
fails, only if its adjusted p-value is at most ``rules.false_alarm`` and its estimate exceeds the
measure's limit: the one keeps chance out, the other what is real and does not matter. So the
chance of any false alarm in one check is at most ``false_alarm``, however many artefacts, and
however alike their errors.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from fbdeploy.check.rules import Rules, TestedMeasure
from stats.multiple_testing import weighted_holm

POWER = 0.95
"""With which ``detectable`` changes are shown."""


@dataclass(frozen=True)
class Hypothesis:
    """That one measure of one artefact did not become worse.

    Attributes:
        measure: what was measured.
        p_value: one-sided.
        least_p: what the p-value could be at the least, as few images differ; 0 if continuous.
        exceeds: whether the estimate is worse than the limit.
    """

    measure: TestedMeasure
    p_value: float
    least_p: float
    exceeds: bool


@dataclass(frozen=True)
class Decision:
    """``level``: the least level at which the hypothesis was tested, whatever the others are."""

    adjusted_p: float
    level: float
    regressed: bool


def decide(hypotheses: Sequence[Hypothesis], rules: Rules) -> list[Decision]:
    """One decision a hypothesis, in their order.

    What can never be rejected (``least_p`` above ``false_alarm``) costs the others nothing (Tarone
    1990); a measure's weight is shared evenly by its tests that remain.
    """
    alive = [h.least_p <= rules.false_alarm for h in hypotheses]
    counts = Counter(h.measure for h, able in zip(hypotheses, alive, strict=True) if able)
    weights = [
        rules.weights.of(h.measure) / counts[h.measure]
        for h, able in zip(hypotheses, alive, strict=True)
        if able
    ]
    tested = [h for h, able in zip(hypotheses, alive, strict=True) if able]
    adjusted = iter(weighted_holm([h.p_value for h in tested], weights) if tested else ())
    shares = iter(weight / sum(weights) for weight in weights)
    decisions = []
    for hypothesis, able in zip(hypotheses, alive, strict=True):
        if not able:
            decisions.append(Decision(1.0, 0.0, False))
            continue
        p_value, level = float(next(adjusted)), next(shares) * rules.false_alarm
        regressed = hypothesis.exceeds and p_value <= rules.false_alarm
        decisions.append(Decision(p_value, level, regressed))
    return decisions


def detectable_drop(flipped: int, images: int, level: float, limit: float) -> float:
    """The drop of a share that would be called a regression 95 times in 100.

    By the normal approximation of McNemar's test (Connor 1987, Biometrics 43:207): with a share s
    of flips both ways besides it, a drop of d has the standard error sqrt((s + d) / images). It
    must stand out from chance, and its estimate from ``limit``.

    Args:
        flipped: images whose correctness changed, as many either way.
        images: all of them.
        level: of the test.
        limit: share, 0..1.
    """
    power = float(special.ndtri(POWER))
    significant = float(special.ndtri(1 - level)) + power
    return max(
        _drop_beyond(0.0, significant, flipped / images, images),
        _drop_beyond(limit, power, flipped / images, images),
    )


def _drop_beyond(limit: float, errors: float, flips: float, images: int) -> float:
    """The d with d - limit = ``errors`` standard errors: (d - limit)^2 = c (flips + d)."""
    c = errors**2 / images
    middle = limit + c / 2
    return middle + math.sqrt(middle**2 - limit**2 + c * flips)
