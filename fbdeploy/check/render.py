"""The check's report as a table for a terminal, and as Markdown for a CI's summary."""

from __future__ import annotations

from collections.abc import Sequence

from fbdeploy.check.findings import ArtefactReport, CheckReport, Finding, Verdict
from fbdeploy.check.rules import Measure
from fbdeploy.report import numbers
from fbdeploy.report.table import table
from tasks.metrics import METRICS

COLUMNS = ("change (95 %)", "agreement", "size", "int8", "latency", "verdict")
"""Behind the artefact's name and what its network is judged by."""
EXPLAINED = {
    "PASS": "no regression",
    "REGRESSED": "worse than the baseline",
    "INCOMPARABLE": "what must be compared cannot be",
}
SEVERITY: tuple[Verdict, ...] = ("MISSING", "REGRESSED", "NEW", "INCOMPARABLE", "NOISY", "PASS")
"""The first of these that an artefact has is its verdict in the table."""
WORDS: dict[Measure, str] = {
    "artefact": "artefact",
    "agreement": "agreement with float",
    "classes": "classes",
    "size": "size",
    "int8_share": "int8 share",
    "delegated_share": "delegated share",
    "partitions": "partitions",
    "latency": "latency",
    "instructions": "instructions",
}


def as_text(report: CheckReport) -> str:
    """A table, what is to be said about it, and the verdict last."""
    rows = [_cells(entry, report) for entry in report.artefacts]
    header = ("", report.headline, *COLUMNS)
    shown = table(header, rows, left=(0, len(header) - 1))
    said = _said(report)
    return "\n".join([shown, *([""] if said else []), *said, "", _conclusion(report)])


def as_markdown(report: CheckReport) -> str:
    """The same in GitHub's Markdown."""
    rows = [_cells(entry, report) for entry in report.artefacts]
    lines = [f"### {_conclusion(report)}", "", _row(("artefact", report.headline, *COLUMNS))]
    lines.append("|---|" + "---:|" * len(COLUMNS) + "---|")
    lines += [_row(row) for row in rows]
    said = _said(report)
    lines += ["", *(f"- {_escape(line)}" for line in said)] if said else []
    return "\n".join(lines) + "\n"


def _said(report: CheckReport) -> list[str]:
    """One line for whatever is not plainly PASS; the same words of many artefacts once."""
    lines: dict[str, list[str]] = {}
    for entry in report.artefacts:
        for found in entry.findings:
            if found.verdict != "PASS" or found.reason:
                measure = WORDS.get(found.measure, found.subject or report.headline)
                where = f" ({found.subject})" if found.subject not in ("", measure) else ""
                words = f"{found.verdict} {measure}{where}: {found.reason}"
                lines.setdefault(words, []).append(entry.name)
    said = [
        f"{words} – {'all artefacts' if _are_all(names, report) else ', '.join(names)}"
        for words, names in lines.items()
    ]
    said.sort(key=lambda line: [line.startswith(verdict) for verdict in SEVERITY].index(True))
    seen = [f.detectable for f in _all(report.artefacts, "accuracy") if f.detectable is not None]
    if seen:
        said.append(
            f"Accuracy: this data shows a drop of {100 * max(seen):.2f} points or more "
            "95 times in 100."
        )
    return said + [f"Note: {note}" for note in report.notes]


def _are_all(names: list[str], report: CheckReport) -> bool:
    return len(names) == len(report.artefacts) > 1


def _all(entries: Sequence[ArtefactReport], measure: Measure) -> list[Finding]:
    return [found for entry in entries for found in entry.findings if found.measure == measure]


def _conclusion(report: CheckReport) -> str:
    counts = ((report.count(verdict), verdict) for verdict in reversed(SEVERITY))
    said = ", ".join(f"{count} {verdict}" for count, verdict in counts if count)
    return f"{report.verdict}: {EXPLAINED[report.verdict]} ({said})"


def _cells(entry: ArtefactReport, report: CheckReport) -> tuple[str, ...]:
    accuracy = _first(entry, "accuracy")
    latency = _first(entry, "latency")
    verdicts = {found.verdict for found in entry.findings}
    return (
        entry.name,
        _figure(accuracy.after, report.headline) if accuracy else numbers.UNKNOWN,
        _points(accuracy, interval=True),
        _points(_first(entry, "agreement")),
        _percent(_first(entry, "size")),
        _points(_first(entry, "int8_share")),
        _percent(latency),
        next(verdict for verdict in SEVERITY if verdict in verdicts),
    )


def _figure(value: float | None, title: str) -> str:
    """A headline's value in the unit of the metric called ``title``."""
    found = next((one for one in METRICS.values() if one.title == title), None)
    return numbers.percent(value) if found is None else numbers.of_metric(value, found)


def _first(entry: ArtefactReport, measure: Measure) -> Finding | None:
    return next(iter(_all([entry], measure)), None)


def _points(found: Finding | None, *, interval: bool = False) -> str:
    if found is None or found.change is None:
        return numbers.UNKNOWN
    text = numbers.points(found.change)
    if interval and found.change_interval is not None:
        low, high = found.change_interval
        text += f" ({numbers.points(low)} to {numbers.points(high)})"
    return text


def _percent(found: Finding | None) -> str:
    if found is None or found.change is None:
        return numbers.UNKNOWN
    return f"{numbers.signed(100 * found.change)} %"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


def _escape(text: str) -> str:
    """So that a class's or file's name cannot break the table or become a tag."""
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|")):
        text = text.replace(mark, written)
    return " ".join(text.split())
