"""The artefacts in the order of the rule: the one to ship first, then what comes nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fbdeploy.records.manifest import Artefact, Parity
from fbdeploy.records.rows import ResultRow
from fbdeploy.report import numbers
from fbdeploy.report.recommend import faster_than_float, is_comparable
from fbdeploy.report.verdict import Verdict, verdict_of

ORDER: dict[Verdict, int] = {
    "accurate": 0,
    "unknown": 1,
    "unscored": 2,
    "worse": 3,
    "rejected": 4,
}
WORDS: dict[Verdict, str] = {
    "accurate": "as accurate as float",
    "unknown": "cannot be told",
    "unscored": "not scored",
    "worse": "less accurate",
    "rejected": "not to be shipped",
}
"""What the verdicts are called."""


@dataclass(frozen=True)
class Ranked:
    """An artefact in its place, from 1; ``faster`` is how many times as fast as the fastest float
    artefact that was timed in the same way, None where there is none. ``share`` in 0..1 is its bar:
    its latency, or where ``bars`` are of sizes its size, over the largest; None without a bar."""

    place: int
    row: ResultRow
    artefact: Artefact
    verdict: Verdict
    faster: float | None
    share: float | None

    @property
    def words(self) -> str:
        """The verdict as people say it."""
        return WORDS[self.verdict]

    @property
    def parity(self) -> str:
        """Whether it equals what it was made from, and how nearly."""
        return parity_words(self.artefact.parity)


def ranked(
    rows: Sequence[ResultRow], artefacts: Sequence[Artefact], chosen: ResultRow | None
) -> list[Ranked]:
    """All artefacts, ``chosen`` first."""
    pairs = sorted(zip(rows, artefacts, strict=True), key=lambda pair: _key(pair[0], chosen))
    timed = [row for row, _ in pairs if row.latency_ms is not None]
    lengths = {
        id(row): _length(row, timed)
        for row, _ in pairs
        if not timed or (row.latency_ms is not None and is_comparable(row, timed[0]))
    }
    longest = max(lengths.values(), default=0.0)
    return [
        Ranked(
            place,
            row,
            artefact,
            verdict_of(row),
            faster_than_float(row, rows),
            lengths[id(row)] / longest if id(row) in lengths and longest else None,
        )
        for place, (row, artefact) in enumerate(pairs, 1)
    ]


def parity_words(parity: Parity | None) -> str:
    """``equal``, ``35.0 dB``, ``failed``; of artefacts that go on from another's logits the share
    of pixels with their class; a dash where it was not looked at."""
    if parity is None:
        return numbers.UNKNOWN
    if not parity.passed:
        return "failed"
    if parity.reference == "own logits":
        return f"{numbers.percent(parity.agreement)} of pixels"
    if parity.apart is not None and parity.reference != "float network":
        return f"{numbers.percent(parity.apart, 0)} apart"
    if parity.sqnr_db is None or parity.reference == "float network":
        return "equal"
    return f"{numbers.decibels(parity.sqnr_db)} dB"


def _key(row: ResultRow, chosen: ResultRow | None) -> tuple[bool, int, bool, float, int]:
    latency = row.latency_ms.p50 if row.latency_ms else 0.0
    return (
        row is not chosen,
        ORDER[verdict_of(row)],
        row.latency_ms is None,
        latency,
        row.bytes,
    )


def _length(row: ResultRow, timed: Sequence[ResultRow]) -> float:
    if not timed:
        return float(row.bytes)
    assert row.latency_ms is not None
    return row.latency_ms.p50
