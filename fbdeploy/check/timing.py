"""Latencies of two sessions that were not interleaved: the ratio of their medians, and its noise.

A session gives the medians of a few dozen rounds. Their bootstrap shows the noise within it; that a
whole session is slower than another is ``rules.session_spread``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import special

from fbdeploy.check.decide import Hypothesis
from fbdeploy.check.rules import Rules
from stats.medians import MedianRatio, median_ratio
from stats.percentiles import round_medians

MOST_ROUNDS = 25
LEAST_ROUNDS = 6
"""Fewer medians than this make a bootstrap interval of a median far too narrow."""
RESAMPLES = 1000


@dataclass(frozen=True)
class Timing:
    """``noise`` says why the two cannot be told apart, and is empty if they can."""

    ratio: MedianRatio
    noise: str
    hypothesis: Hypothesis


def reduce_samples(samples_ns: ArrayLike, block: int | None) -> tuple[int, ...]:
    """At most 25 medians of neighbouring runs, nanoseconds, in the order they were taken.

    Whole rounds are put together, so that what lasts for several rounds does not count as so many
    observations.

    Args:
        samples_ns: durations.
        block: runs a round; None where they were not taken in rounds.
    """
    rounds = round_medians(samples_ns, block or 1)
    together = max(1, math.ceil(len(rounds) / MOST_ROUNDS))
    medians = round_medians(samples_ns, together * (block or 1))
    return tuple(round(value) for value in medians)


def compare_timings(
    before_ns: Sequence[int],
    after_ns: Sequence[int],
    noise_before: Sequence[str],
    noise_after: Sequence[str],
    rules: Rules,
) -> Timing:
    """Whether ``after`` is slower than ``before``, or the noise too great to say.

    Args:
        before_ns: medians of rounds, as ``reduce_samples`` makes them.
        after_ns: the same of the other session.
        noise_before: what the protocol found disturbed there; empty if nothing.
        noise_after: the same of the other session.
        rules: thresholds.
    """
    found = median_ratio(
        after_ns, before_ns, spread=rules.session_spread / 100, resamples=RESAMPLES
    )
    limit = math.log1p(rules.max_slowdown / 100)
    reasons = []
    if noise_before:
        reasons.append("the baseline was disturbed: " + ", ".join(noise_before))
    if noise_after:
        reasons.append("this run was disturbed: " + ", ".join(noise_after))
    fewest = min(len(before_ns), len(after_ns))
    if fewest < LEAST_ROUNDS:
        reasons.append(f"{fewest} rounds are too few")
    elif math.log(found.interval.high / found.interval.low) > 2 * limit:
        reasons.append(f"the interval is too wide to show a slowdown of {rules.max_slowdown:g} %")
    slower = math.log(found.ratio)
    error = found.log_error
    p_value = float(special.ndtr(-slower / error)) if error > 0 else float(slower <= 0)
    return Timing(
        ratio=found,
        noise="; ".join(reasons),
        hypothesis=Hypothesis("latency", p_value, 0.0, slower > limit),
    )
