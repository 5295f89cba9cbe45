"""The verdict on a series of latencies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Noise:
    """Whether a series of latencies is that of an undisturbed machine.

    Attributes:
        noisy: whether there is any reason not to trust it.
        drift: relative change of the median from the first to the last third.
        outliers: share of the runs far above the median, in [0, 1].
        modes: number of clear peaks.
        reasons: what was found, in words.
    """

    noisy: bool
    drift: float
    outliers: float
    modes: int
    reasons: tuple[str, ...] = ()
