"""Running several artefacts in turn, so that what disturbs the machine disturbs all alike.

A round gives every contestant one block of runs, in random order; the next round has the
reverse order, since a place in the round may be worth something and few orders are uneven. Rounds
are nested in epochs that begin with new contestants, such as new processes. Nothing here knows what
is run: a contestant may be a session of this process or a process on a phone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from runtime_bench.timing.modes import Mode
from stats.bootstrap import bootstrap_interval
from stats.percentiles import row_percentile

# Warm-up is over when two neighbouring windows have medians this close.
SETTLED = 0.02
WINDOW_RUNS = 5
WINDOW_SECONDS = 0.05
# Each with its own turn of the order, so that an epoch's samples lie apart in time.
LEAST_LOAD_ROUNDS = 2

PartDone = Callable[[float], None]


class Contestant(Protocol):
    """Something that is timed."""

    def run_block(self, runs: int) -> list[int]:
        """Run it ``runs`` times in a row, each with its own duration in nanoseconds."""


@dataclass(frozen=True)
class WarmUp:
    """How the drift was let go: runs spent, whether it was gone, and the last median in ns."""

    runs: int
    settled: bool
    median_ns: float


@dataclass
class Series:
    """Steady-state samples in ns: ``block_runs`` a round, ``load_rounds`` rounds an epoch."""

    block_runs: int
    load_rounds: int
    samples: list[int] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Time spent in the samples."""
        return sum(self.samples) / 1e9

    def enough(self, mode: Mode) -> bool:
        """Whether it has the mode's least counts and times, and more would be of no use.

        That is where the interval is narrow, or two more epochs would go beyond the most seconds.
        """
        if len(self.samples) < mode.minimum_runs or self.seconds < mode.minimum_seconds:
            return False
        epochs = len(self.samples) / (self.block_runs * self.load_rounds)
        if self.seconds * (1 + 2 / epochs) > mode.maximum_seconds:
            return True
        return self.width() <= mode.interval_width

    def width(self) -> float:
        """Width of the median's 95 % interval over the median, from the medians of the blocks."""
        medians = np.median(np.reshape(self.samples, (-1, self.block_runs)), axis=1)
        interval = bootstrap_interval(medians, row_percentile(50), resamples=500)
        return interval.width / float(np.median(medians))


def warm_up(contestant: Contestant, mode: Mode) -> WarmUp:
    """Run until the drift is gone, but at most for about ``mode.warmup_seconds``.

    The drift counts as gone when two neighbouring windows, each of at least 5 runs and 50 ms, have
    medians within 2 %.
    """
    (first,) = contestant.run_block(1)
    runs, spent = 1, first / 1e9
    window = max(WINDOW_RUNS, math.ceil(WINDOW_SECONDS * 1e9 / max(first, 1)))
    previous = math.inf
    while True:
        durations = contestant.run_block(window)
        runs += window
        spent += sum(durations) / 1e9
        median = float(np.median(durations))
        if abs(median / previous - 1) <= SETTLED:
            return WarmUp(runs, True, median)
        if spent >= mode.warmup_seconds:
            return WarmUp(runs, False, median)
        previous = median
        window = max(WINDOW_RUNS, math.ceil(WINDOW_SECONDS * 1e9 / max(median, 1)))


def interleave(
    contestants: Sequence[Contestant],
    medians_ns: Sequence[float],
    mode: Mode,
    renew: Callable[[Sequence[int]], None],
    *,
    seed: int = 0,
    progress: PartDone | None = None,
) -> list[Series]:
    """Time all contestants in rounds until each has been measured enough.

    The first run of a block is thrown away: it finds the caches full of the contestant before.
    There are at least ``mode.epochs`` epochs of the same number of rounds, and an even number of
    them in the end.

    Args:
        contestants: warmed up.
        medians_ns: how long a run of each takes, by which blocks get ``mode.block_seconds``.
        mode: when to stop.
        renew: called before each epoch with the order in which to renew the contestants: drawn by
            lot, and reversed for the next epoch. Where it takes long, epochs are as long.
        seed: of the orders.
        progress: called after each round with the part done, in 0..1.

    Returns:
        One series a contestant, all of the same number of rounds.
    """
    generator = np.random.default_rng(seed)
    turns, renewals = (_orders(len(contestants), generator) for _ in range(2))
    began = time.perf_counter()
    renew(next(renewals))
    plan = _Plan.of(medians_ns, mode, time.perf_counter() - began)
    series = [Series(runs, plan.load_rounds) for runs in plan.block_runs]
    rounds = 0
    while True:
        for index in next(turns):
            durations = contestants[index].run_block(series[index].block_runs + 1)
            series[index].samples.extend(durations[1:])
        rounds += 1
        if progress is not None:
            part = min(_part(one, mode) for one in series)
            progress(min(part, rounds / plan.least_rounds))
        # In pairs of epochs, so that every order of renewals has had its reverse.
        due = rounds >= plan.least_rounds and rounds % (2 * plan.load_rounds) == 0
        if due and all(one.enough(mode) for one in series):
            return series
        if rounds % plan.load_rounds == 0:
            renew(next(renewals))


@dataclass(frozen=True)
class _Plan:
    """How the runs are laid out: runs a block of each contestant, rounds an epoch, rounds at least.

    Epochs have as many rounds as reach the mode's least counts and times in the least epochs, and
    more where a renewal takes longer than they do: until they take as long, or reach the mode's
    most seconds in the least epochs.
    """

    block_runs: tuple[int, ...]
    load_rounds: int
    least_rounds: int

    @classmethod
    def of(cls, medians_ns: Sequence[float], mode: Mode, renewal_seconds: float) -> _Plan:
        """The plan for contestants that take so long a run, and so long together to renew."""
        fewest = LEAST_LOAD_ROUNDS * mode.epochs
        blocks = tuple(_block_runs(median, mode, fewest) for median in medians_ns)
        seconds = [block * median / 1e9 for block, median in zip(blocks, medians_ns, strict=True)]

        def rounds(wanted_runs: Callable[[float], int]) -> int:
            wanted = map(wanted_runs, medians_ns)
            most = max(
                (runs / block for runs, block in zip(wanted, blocks, strict=True)), default=0
            )
            return math.ceil(most / mode.epochs)

        as_long = math.ceil(renewal_seconds / max(sum(seconds), 1e-9))
        longest = rounds(lambda median: _runs_of(median, mode.maximum_seconds))
        needed = rounds(lambda median: _needed_runs(median, mode))
        load_rounds = max(LEAST_LOAD_ROUNDS, needed, min(as_long, longest))
        return cls(blocks, load_rounds, mode.epochs * load_rounds)


def _runs_of(median_ns: float, seconds: float) -> int:
    return math.ceil(seconds * 1e9 / max(median_ns, 1.0))


def _needed_runs(median_ns: float, mode: Mode) -> int:
    return max(mode.minimum_runs, _runs_of(median_ns, mode.minimum_seconds))


def _block_runs(median_ns: float, mode: Mode, fewest_rounds: int) -> int:
    wanted = round(mode.block_seconds * 1e9 / max(median_ns, 1.0))
    return max(1, min(wanted, _needed_runs(median_ns, mode) // fewest_rounds))


def _orders(count: int, generator: np.random.Generator) -> Iterator[list[int]]:
    """Orders of ``count`` contestants: one at random, then its reverse, and so on."""
    while True:
        drawn: list[int] = generator.permutation(count).tolist()
        yield drawn
        yield drawn[::-1]


def _part(series: Series, mode: Mode) -> float:
    runs = len(series.samples) / mode.minimum_runs
    return min(1.0, runs, series.seconds / mode.minimum_seconds)
