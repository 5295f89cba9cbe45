"""The sweep's results: every artefact on every target, its accuracy joined with its latency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fbdeploy.records.builds import Build
from fbdeploy.records.manifest import Artefact, Manifest
from fbdeploy.records.results import Line
from fbdeploy.records.rows import ResultRow, joined
from fbdeploy.report.plot import Point, pareto_front
from fbdeploy.report.verdict import headline
from runtime_bench.measurement import Counts, Measurement, machine_of
from stats.interval import Interval
from zoo.documents import Schema


class Failure(Schema):
    """Something that is missing from the results, and why. Empty: it concerns all of them."""

    network: str = ""
    target: str = ""
    what: str = ""
    message: str
    log: str = ""


class SweepRow(Schema):
    """One artefact on one target with one thread count.

    ``recipe`` is empty for float artefacts. ``counts`` are those of an emulated core, whose
    ``result.latency_ms`` is null unless it was estimated; ``speedup`` is how many times as fast as
    with the fewest threads; ``on_front`` says that no other artefact of the target, device and
    thread count is both as accurate and faster.
    """

    network: str
    recipe: str
    target: str
    device: str
    threads: int
    result: ResultRow
    counts: Counts | None = None
    estimate_interval_ms: Interval | None = None
    speedup: float | None = None
    on_front: bool = False

    @property
    def machine(self) -> str:
        """The device, behind the cluster's host if one took the measurement."""
        return machine_of(self.result.host, self.device)

    @property
    def cost(self) -> float | None:
        """What is plotted against accuracy: milliseconds, else cycles, else instructions."""
        if self.result.latency_ms is not None:
            return self.result.latency_ms.p50
        if self.counts is None:
            return None
        return self.counts.cycles if self.counts.cycles is not None else self.counts.instructions

    @property
    def score(self) -> float | None:
        """The headline of the network's task, or without labels how far it answers as float does; a
        share."""
        found = headline(self.result)
        return None if found is None else found.value


@dataclass(frozen=True)
class Exported:
    """What one deployment of the sweep made.

    ``folder`` is relative to the sweep's; ``builds`` are those that were asked for this time.
    """

    network: str
    recipe: str
    folder: Path
    builds: tuple[Build, ...]
    manifest: Manifest


def join(exports: Iterable[Exported], lines: list[Line]) -> list[SweepRow]:
    """All measured rows, by target and thread count in the order they were first measured."""
    measured: dict[tuple[object, ...], dict[str, Measurement]] = {}
    for line in lines:
        if isinstance(line, Measurement):
            where = (line.target, line.device.identity, line.threads)
            measured.setdefault(where, {})[line.sha256] = line
    scores: list[Line] = [line for line in lines if not isinstance(line, Measurement)]
    made = list(exports)
    rows: list[SweepRow] = []
    for newest in measured.values():
        group: dict[tuple[str, str], SweepRow] = {}
        for export in made:
            times = {sha: line for sha, line in newest.items() if line.latency_ms}
            results = joined(export.manifest, [*scores, *newest.values()], times)
            for artefact, result in zip(export.manifest.artefacts, results, strict=True):
                found = newest.get(artefact.sha256)
                if found is not None:
                    row = _row(export, artefact, result, found)
                    group.setdefault((export.network, artefact.sha256), row)
        rows += _with_front(list(group.values()))
    return _with_speedup(rows)


def _row(export: Exported, artefact: Artefact, result: ResultRow, found: Measurement) -> SweepRow:
    changes: dict[str, str | None] = {"path": (export.folder / artefact.path).as_posix()}
    if found.latency_ms is None:  # counted: ``joined`` knows times only
        changes |= {"latency_kind": found.kind, "latency_note": found.note, "target": found.target}
        changes |= {"host": found.host or None}
    return SweepRow(
        network=export.network,
        recipe="" if not artefact.program else export.recipe,
        target=found.target,
        device=found.device.title,
        threads=found.threads,
        result=result.model_copy(update=changes),
        counts=found.counts,
        estimate_interval_ms=found.estimate_interval_ms,
    )


def _with_front(group: list[SweepRow]) -> list[SweepRow]:
    """Mark the Pareto front of rows that were taken in one way on one target."""
    points = {
        id(row): Point(label="", format="", filled=False, x=row.cost, y=row.score)
        for row in group
        if row.cost is not None and row.score is not None
    }
    front = pareto_front(list(points.values()))
    return [row.model_copy(update={"on_front": points.get(id(row)) in front}) for row in group]


def _with_speedup(rows: list[SweepRow]) -> list[SweepRow]:
    fewest: dict[tuple[str, str, str], SweepRow] = {}
    for row in sorted(rows, key=lambda row: row.threads):
        fewest.setdefault((row.target, row.device, row.result.path), row)
    made = []
    for row in rows:
        base = fewest[row.target, row.device, row.result.path].result.latency_ms
        own = row.result.latency_ms
        speedup = base.p50 / own.p50 if base is not None and own is not None else None
        made.append(row.model_copy(update={"speedup": speedup}))
    return made
