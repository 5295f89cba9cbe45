"""The artefacts as they compare under each of the conditions that they were timed under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fbdeploy.records.conditions import Conditions, conditions_in, latencies_under
from fbdeploy.records.manifest import Artefact, Manifest
from fbdeploy.records.results import Line
from fbdeploy.records.rows import ResultRow, summarize
from fbdeploy.report import recommend
from fbdeploy.report.plots import artefact_plots
from fbdeploy.report.ranking import Ranked, ranked
from fbdeploy.report.recommend import Recommendation
from runtime_bench.measurement import LOCAL, Measurement


@dataclass(frozen=True)
class View:
    """``conditions`` are None where nothing was timed. ``rows`` are in the manifest's order;
    ``wide_plot`` and ``narrow_plot`` are for desktops and phones; ``how_timed`` is one sentence a
    protocol."""

    conditions: Conditions | None
    rows: list[ResultRow]
    advice: Recommendation
    ranked: list[Ranked]
    wide_plot: str
    narrow_plot: str
    how_timed: list[str]

    @property
    def where(self) -> str:
        """What the times were taken on."""
        return "" if self.conditions is None else conditions_words(self.conditions)

    @property
    def timed(self) -> list[Ranked]:
        """Those with a time, in their order."""
        return [one for one in self.ranked if one.row.latency_ms is not None]

    @property
    def has_starts(self) -> bool:
        """Whether a load or a first run was timed."""
        return any(
            one.row.load_ms is not None or one.row.first_run_ms is not None for one in self.ranked
        )

    @property
    def has_memory(self) -> bool:
        """Whether peak memory was measured."""
        return any(one.row.peak_memory_bytes is not None for one in self.ranked)

    @property
    def has_faster(self) -> bool:
        """Whether there is a float artefact to be faster than."""
        return any(one.faster is not None for one in self.ranked)


def views(manifest: Manifest, lines: list[Line]) -> list[View]:
    """One for all conditions under which artefacts were timed, the one to go by first; one without
    times where none was."""
    found = conditions_in(manifest, lines)
    if not found:
        return [_view(manifest.artefacts, summarize(manifest, lines), None, {})]
    return [_under(manifest, lines, one, whole=one is found[0]) for one in found]


def conditions_words(conditions: Conditions) -> str:
    """``Google Pixel 8 (adb://SERIAL), 4 threads, cores 4, 5``; estimated and emulated times say
    that they are."""
    kind = "" if conditions.kind == "measured" else f"{conditions.kind} for "
    return f"{kind}{conditions.name} ({conditions.place}), {_how(conditions)}"


def _how(conditions: Conditions) -> str:
    threads = recommend.thread_words(conditions.threads)
    if conditions.place == LOCAL or not conditions.cpu_mask:
        return threads
    return f"{threads}, cores {', '.join(map(str, conditions.cpu_mask))}"


def _under(manifest: Manifest, lines: list[Line], conditions: Conditions, whole: bool) -> View:
    """The times of one set of conditions; with ``whole`` also the artefacts without one."""
    rows = summarize(manifest, lines, conditions)
    pairs = zip(rows, manifest.artefacts, strict=True)
    kept = [(row, entry) for row, entry in pairs if whole or row.latency_ms is not None]
    return _view(
        [entry for _, entry in kept],
        [row for row, _ in kept],
        conditions,
        latencies_under(conditions, lines),
    )


def _view(
    artefacts: Sequence[Artefact],
    rows: list[ResultRow],
    conditions: Conditions | None,
    times: dict[str, Measurement],
) -> View:
    advice = recommend.recommend(rows)
    wide, narrow = artefact_plots(rows, advice.row)
    used = [times[entry.sha256] for entry in artefacts if entry.sha256 in times]
    return View(
        conditions=conditions,
        rows=rows,
        advice=advice,
        ranked=ranked(rows, artefacts, advice.row),
        wide_plot=wide,
        narrow_plot=narrow,
        how_timed=_how_timed(conditions, used) if conditions else [],
    )


def _how_timed(conditions: Conditions, lines: Sequence[Measurement]) -> list[str]:
    """One sentence a mode: what was timed on, how, how often."""
    modes: dict[str, list[Measurement]] = {}
    for line in lines:
        modes.setdefault(line.mode, []).append(line)
    sentences = []
    for mode, group in modes.items():
        runs = sorted(line.latency_ms.runs for line in group if line.latency_ms)
        together = ", interleaved" if len(group) > 1 and group[0].interleaved_with else ""
        sentences.append(
            f"Latency: {conditions.kind} on {conditions.place} ({conditions.name}), "
            f"{_how(conditions)}, batch 1, mode {mode}, {len(group)} artefacts{together}, "
            f"{_span(runs[0], runs[-1])} runs each."
        )
    return sentences


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
