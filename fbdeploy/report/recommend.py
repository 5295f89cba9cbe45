"""Which artefact to ship, and why, in words.

The rule: of the artefacts that are known to be as accurate as the float network
(:mod:`fbdeploy.report.verdict`), the fastest; where speeds cannot be told apart, the smallest file.
Where the images do not tell whether a faster one is as accurate, that is said first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from export.format_info import FORMAT_INFO
from fbdeploy.records.conditions import place_of
from fbdeploy.records.rows import ResultRow
from fbdeploy.report import numbers
from fbdeploy.report.verdict import (
    MARGIN,
    decisive,
    images_needed,
    least_difference,
    metric_of,
    verdict_of,
)
from runtime_bench.measurement import LOCAL

SPEED_TIE = 0.03
"""Medians this near are a tie where there are no intervals to ask."""


@dataclass(frozen=True)
class Recommendation:
    """``row`` is None where nothing can be recommended; ``reasons`` are whole sentences.

    It is not ``sure`` where more images may show that another is better, or that this one is not
    as accurate as float.
    """

    row: ResultRow | None
    reasons: tuple[str, ...]
    ties: tuple[ResultRow, ...] = ()
    sure: bool = True


def name_of(row: ResultRow) -> str:
    """``ExecuTorch int8``."""
    return name_in_words(row.format, row.build, row.variant)


def name_in_words(fmt: str, build: str, variant: str) -> str:
    """What people call an artefact, by its format's title."""
    parts = (FORMAT_INFO[fmt].title, build, variant)
    return " ".join(part for part in parts if part)


def same_speed(first: ResultRow, second: ResultRow) -> bool:
    """Whether two medians cannot be told apart: their 95 % intervals meet, or they are near."""
    if first.latency_ms is None or second.latency_ms is None:
        return False
    if first.p50_interval and second.p50_interval:
        return (
            first.p50_interval[0] <= second.p50_interval[1]
            and second.p50_interval[0] <= first.p50_interval[1]
        )
    fast, slow = sorted((first.latency_ms.p50, second.latency_ms.p50))
    return slow <= fast * (1 + SPEED_TIE)


def is_comparable(row: ResultRow, other: ResultRow) -> bool:
    """Whether two latencies were taken in the same way, so that one may be called faster."""
    return _way(row) == _way(other)


def _way(row: ResultRow) -> tuple[object, ...]:
    return place_of(row.target or ""), row.device, row.threads, row.latency_kind


def fastest_float(rows: Iterable[ResultRow], other: ResultRow) -> ResultRow | None:
    """The fp32 artefact with the lowest median of those timed in the same way as ``other``."""
    floats = (
        row
        for row in rows
        if row.precision == "fp32" and row.latency_ms is not None and is_comparable(row, other)
    )
    return min(floats, key=lambda row: row.latency_ms.p50 if row.latency_ms else 0.0, default=None)


def faster_than_float(row: ResultRow, rows: Iterable[ResultRow]) -> float | None:
    """How many times as fast as the fastest float artefact timed in the same way; None where there
    is none to compare with."""
    best = fastest_float(rows, row)
    if best is None or best.latency_ms is None or row.latency_ms is None:
        return None
    return best.latency_ms.p50 / row.latency_ms.p50


def recommend(rows: list[ResultRow]) -> Recommendation:
    """Apply the rule to all artefacts of one network."""
    accurate = [row for row in rows if verdict_of(row) == "accurate"]
    unknown = [row for row in rows if verdict_of(row) == "unknown"]
    if not accurate and not unknown:
        return Recommendation(None, (_why_none(rows),))
    if not accurate:
        row = max(unknown, key=least_difference)
        reasons = (_cannot_be_told([row]), _accuracy_sentence(row))
        return Recommendation(row, reasons, sure=False)
    timed = [row for row in accurate if row.latency_ms is not None]
    found = _fastest(timed, rows, len(accurate)) if timed else _smallest(accurate)
    assert found.row is not None
    rivals = [row for row in unknown if _is_preferable(row, found.row)]
    if not rivals:
        return found
    return replace(found, reasons=(_cannot_be_told(rivals), *found.reasons), sure=False)


def _smallest(accurate: list[ResultRow]) -> Recommendation:
    row = min(accurate, key=lambda row: row.bytes)
    which = f"the smallest of the {len(accurate)} artefacts that are"
    if len(accurate) == 1:
        which = "the one artefact that is"
    reason = (
        f"No latency was measured, so this is {which} as accurate as float. "
        f"{_accuracy_sentence(row)}"
    )
    return Recommendation(row, (reason,))


def _fastest(timed: list[ResultRow], rows: list[ResultRow], accurate: int) -> Recommendation:
    quickest = min(timed, key=lambda row: row.latency_ms.p50 if row.latency_ms else 0.0)
    alike = [row for row in timed if is_comparable(row, quickest) and same_speed(row, quickest)]
    chosen = min(alike, key=lambda row: row.bytes)
    ties = tuple(row for row in alike if row is not chosen)
    reasons = [_speed_sentence(chosen, ties, accurate), _accuracy_sentence(chosen)]
    reasons.extend(_against_float(chosen, rows))
    reasons.extend(_losers(rows, chosen))
    return Recommendation(chosen, tuple(reasons), ties)


def _is_preferable(row: ResultRow, chosen: ResultRow) -> bool:
    """Whether ``row`` would be recommended instead, were it known to be as accurate."""
    if row.latency_ms is None or chosen.latency_ms is None:
        return row.bytes < chosen.bytes
    return row.latency_ms.p50 < chosen.latency_ms.p50 and not same_speed(row, chosen)


def _cannot_be_told(rows: list[ResultRow]) -> str:
    """That the images are too few for these, and how many would do."""
    needed = max((number for number in map(images_needed, rows) if number), default=None)
    more = "" if needed is None else f"; about {needed:,} would be needed"
    are = "is" if len(rows) == 1 else "are"
    return (
        f"Whether {_listing([name_of(row) for row in rows])} {are} as accurate as float cannot be "
        f"told on {rows[0].images:,} images{more}."
    )


def _accuracy_sentence(row: ResultRow) -> str:
    """How the artefact's accuracy compares with float."""
    found = decisive(row)
    assert found is not None
    metric = metric_of(found)
    if found.difference is None:
        same = "chooses the same class as float" if metric.kind == "binary" else "answers as float"
        return f"It {same} on {numbers.percent(found.value)} of {row.images:,} unlabelled images."
    interval = ""
    if found.difference_interval:
        low, high = found.difference_interval
        interval = f" (95 % interval {numbers.points(low)} to {numbers.points(high)})"
    measured = (
        f"Its {metric.title} is {numbers.of_metric(found.value, metric)}, "
        f"{numbers.points(found.difference)} points from float{interval} on {row.images:,} images"
    )
    if verdict_of(row) == "accurate" and least_difference(row) >= -MARGIN:
        return (
            f"{measured}: within the tolerance of {100 * metric.tolerance:.1f} points, and a drop "
            f"of {100 * MARGIN:.0f} point is ruled out."
        )
    if row.precision == "fp32":
        return f"{measured}; it computes what the float network does."
    test = "McNemar p" if metric.kind == "binary" else "p"
    return f"{measured} ({test} = {numbers.significant(found.p, 2)})."


def _speed_sentence(chosen: ResultRow, ties: tuple[ResultRow, ...], accurate: int) -> str:
    assert chosen.latency_ms is not None
    how = f"{numbers.significant(chosen.latency_ms.p50)} ms at the median ({how_timed(chosen)})"
    if accurate == 1:
        return f"The only artefact as accurate as float: {how}."
    if not ties:
        return f"The fastest of the {accurate} artefacts as accurate as float: {how}."
    names = _listing([name_of(row) for row in ties])
    return (
        f"Nothing as accurate as float is faster: {how}. {names} cannot be told apart from it "
        "in speed; this is the smaller file."
    )


def _against_float(chosen: ResultRow, rows: list[ResultRow]) -> list[str]:
    best, speed = fastest_float(rows, chosen), faster_than_float(chosen, rows)
    if best is None or best is chosen or best.latency_ms is None or speed is None:
        return []
    return [
        f"It is {speed:.2f} times as fast as the fastest float artefact ({name_of(best)}, "
        f"{numbers.significant(best.latency_ms.p50)} ms) and has "
        f"{100 * chosen.bytes / best.bytes:.0f} % of its size."
    ]


def _losers(rows: list[ResultRow], chosen: ResultRow) -> list[str]:
    """Artefacts that would have been faster but lose accuracy."""
    if chosen.latency_ms is None:
        return []
    faster = [
        row
        for row in rows
        if row.latency_ms is not None
        and row.latency_ms.p50 < chosen.latency_ms.p50
        and verdict_of(row) == "worse"
    ]
    return [
        f"{name_of(row)} would be faster, at {numbers.significant(row.latency_ms.p50)} ms, "
        f"but loses accuracy: {_loss(row)}."
        for row in faster
        if row.latency_ms is not None
    ]


def _loss(row: ResultRow) -> str:
    found = decisive(row)
    assert found is not None
    if found.difference is not None:
        return f"{numbers.points(found.difference)} points of {metric_of(found).title}"
    return f"it agrees with float on {numbers.percent(found.value)} of the images only"


def _why_none(rows: list[ResultRow]) -> str:
    scored = [row for row in rows if decisive(row) is not None]
    if scored and all(row.rejected for row in scored):
        return "No artefact equals what it was made from, so none can be recommended."
    scored = [row for row in scored if not row.rejected]
    if not scored:
        return " ".join(("No artefact has been scored, so none can be recommended.", *_known(rows)))
    best = max(scored, key=lambda row: tuple(score.value for score in row.scores))
    return (
        f"No artefact is as accurate as the float network; the nearest is {name_of(best)} "
        f"({_loss(best)})."
    )


def _known(rows: list[ResultRow]) -> Iterator[str]:
    """What can be said of artefacts that were not scored: the smallest, and the fastest."""
    sound = [row for row in rows if not row.rejected]
    if not sound:
        return
    small = min(sound, key=lambda row: row.bytes)
    yield f"The smallest is {name_of(small)}, {numbers.size(small.bytes)}."
    timed = [row for row in sound if row.latency_ms is not None]
    if timed:
        fast = min(timed, key=lambda row: row.latency_ms.p50 if row.latency_ms else 0.0)
        assert fast.latency_ms is not None
        yield (
            f"The fastest is {name_of(fast)}, "
            f"{numbers.significant(fast.latency_ms.p50)} ms at the median."
        )


def how_timed(row: ResultRow) -> str:
    """``measured, local, 1 thread``."""
    return f"{row.latency_kind}, {where_timed(row)}"


def where_timed(row: ResultRow) -> str:
    """``Google Pixel 8, adb://SERIAL, 4 threads``; this machine has no name."""
    where = [row.target] if row.target == LOCAL else [row.device, row.target]
    return ", ".join(filter(None, (*where, thread_words(row.threads))))


def thread_words(threads: int | None) -> str:
    """``1 thread``, ``4 threads``."""
    return f"{threads} thread" + ("" if threads == 1 else "s")


def _listing(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return ", ".join(names[:-1]) + " and " + names[-1]
