"""The results of a deployment as a table for a terminal, and what to ship."""

from __future__ import annotations

from pathlib import Path

from fbdeploy.records.conditions import conditions_in
from fbdeploy.records.manifest import Manifest
from fbdeploy.records.results import Line
from fbdeploy.records.rows import ResultRow, summarize
from fbdeploy.report import numbers as figures
from fbdeploy.report import recommend
from fbdeploy.report.limits import limits
from fbdeploy.report.problems import problems
from fbdeploy.report.ranking import parity_words
from fbdeploy.report.scores import metrics_known, score_text
from fbdeploy.report.table import table
from fbdeploy.report.views import conditions_words
from runtime_bench.measurement import LOCAL


def _median(row: ResultRow) -> str:
    found = row.latency_ms
    return f"{figures.significant(found.p50)} ms" if found else figures.UNKNOWN


def summary(manifest: Manifest, lines: list[Line], report: Path) -> str:
    """The results as a table for a terminal, and what to ship."""
    rows = summarize(manifest, lines)
    metrics = metrics_known(manifest, rows)
    timed = any(row.latency_ms for row in rows)
    cells = [
        (
            recommend.name_of(row),
            figures.size(row.bytes),
            figures.percent(row.int8_share, 1),
            *(score_text(row, metric) for metric in metrics),
            *((_median(row),) if timed else ()),
            parity_words(artefact.parity),
        )
        for row, artefact in zip(rows, manifest.artefacts, strict=True)
    ]
    titles = (*(metric.title for metric in metrics), *(("p50",) if timed else ()))
    said = [table(("", "size", "int8", *titles, "parity"), cells)]
    wrong = (*problems(manifest), *limits(manifest, rows))
    said += ["", *wrong] if wrong else []
    advice = recommend.recommend(rows)
    if advice.row is not None:
        check = manifest.float_check
        sure = advice.sure and (check is None or check.passed)
        ship = "Ship" if sure else "Safest until more is known:"
        said += ["", f"{ship} {recommend.name_of(advice.row)}. {advice.reasons[0]}"]
    else:
        said += ["", advice.reasons[0]]
    said += _conditions(manifest, lines)
    said.append(f"The whole story: {report}")
    return "\n".join(said)


def _conditions(manifest: Manifest, lines: list[Line]) -> list[str]:
    """What p50 was taken on, where that is not this machine or not all that there is."""
    found = conditions_in(manifest, lines)
    if not found or (len(found) == 1 and found[0].place == LOCAL):
        return []
    first, *others = map(conditions_words, found)
    also = f"; the report also has {'; '.join(others)}" if others else ""
    return [f"p50 is of {first}{also}."]
