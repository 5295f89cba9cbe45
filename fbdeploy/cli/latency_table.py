"""What ``fbdeploy bench`` says of its measurements on a terminal, and how they compare."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from fbdeploy.report import numbers as figures
from fbdeploy.report.table import table

if TYPE_CHECKING:
    from runtime_bench.measurement import Measurement
    from stats.loads import LoadComparison


def by_threads(measured: list[Measurement]) -> list[list[Measurement]]:
    """The measurements of each number of threads."""
    counts = dict.fromkeys(one.threads for one in measured)
    return [[one for one in measured if one.threads == count] for count in counts]


@dataclass(frozen=True)
class Ratio:
    """How many times as long one artefact takes as the fastest of its session."""

    artefact: str
    fastest: str
    threads: int
    compared: LoadComparison


def ratios(measured: list[Measurement]) -> list[Ratio]:
    """Of each artefact but the fastest; none if not all were timed in turn."""
    from runtime_bench.timing.ratio import ratio

    timed = [one for one in measured if one.latency_ms is not None and one.load_rounds is not None]
    if len(timed) < len(measured) or len({one.session for one in timed}) != 1:
        return []
    fastest = min(timed, key=lambda one: one.latency_ms.p50 if one.latency_ms else 0.0)
    return [
        Ratio(one.artefact, fastest.artefact, one.threads, ratio(one, fastest))
        for one in timed
        if one is not fastest
    ]


def summary(measured: list[Measurement]) -> str:
    """A table of measurements with one number of threads, and what is to be known of them."""
    lines = [_count_table(measured) if _are_counted(measured) else _time_table(measured)]
    for ratio in ratios(measured):
        low, high = ratio.compared.interval
        lines.append(
            f"{ratio.artefact} takes {ratio.compared.ratio:.3f} times as long as {ratio.fastest} "
            f"({low:.3f} to {high:.3f}, by {ratio.compared.loads} loads of each)"
        )
    for one in measured:
        if one.noise is not None and one.noise.noisy:
            lines.append(f"{one.artefact} is noisy: {', '.join(one.noise.reasons)}")
    if measured[0].preparation_ns:
        lines.append(f"pre-processing of one photo: {_median_ms(measured[0].preparation_ns)} ms")
    lines.extend(dict.fromkeys(one.note for one in measured if one.note))
    device = measured[0].device
    lines.append(
        f"{measured[0].kind} on {device.title}, {measured[0].threads} thread(s), "
        f"batch 1, mode {measured[0].mode}"
    )
    return "\n".join(lines)


def _are_counted(measured: list[Measurement]) -> bool:
    return all(one.counts is not None for one in measured)


def _time_table(measured: list[Measurement]) -> str:
    rows = []
    for one in measured:
        times = one.latency_ms
        if times is None:
            continue
        percentiles = map(figures.significant, (times.p50, times.p90, times.p99))
        starts = map(_median_ms, (one.load_ns, one.first_run_ns))
        noisy = "noisy" if one.noise is not None and one.noise.noisy else ""
        rows.append((one.artefact, *percentiles, f"{times.runs}", *starts, noisy))
    return table(("ms", "p50", "p90", "p99", "runs", "load", "first", ""), rows)


def _count_table(measured: list[Measurement]) -> str:
    rows = []
    for one in measured:
        if one.counts is None:
            continue
        cycles = figures.UNKNOWN if one.counts.cycles is None else f"{one.counts.cycles:,.0f}"
        time, interval = figures.UNKNOWN, ""
        if one.latency_ms is not None and one.estimate_interval_ms is not None:
            time = figures.significant(one.latency_ms.p50)
            low, high = map(figures.significant, one.estimate_interval_ms)
            interval = f"({low} to {high})"
        kernels = "  ".join(one.counts.kernels)
        row = (one.artefact, f"{one.counts.instructions:,}", cycles, time, interval, kernels)
        rows.append(row)
    titles = ("of one run", "instructions", "cycles", "est. ms", "", "")
    return table(titles, rows, left=(0, 4, 5))


def _median_ms(nanoseconds: tuple[int, ...]) -> str:
    return figures.significant(median(nanoseconds) / 1e6 if nanoseconds else None)
