"""Two deployments side by side, in words: for a terminal's table and the page's cells."""

from __future__ import annotations

from collections.abc import Callable

from fbdeploy.compare.document import ComparedArtefact, DeploymentComparison, Figures, Side, Speed
from fbdeploy.records.results import ScoreInfo
from fbdeploy.report import numbers
from fbdeploy.report.recommend import name_in_words
from fbdeploy.report.scores import metrics_shown
from fbdeploy.report.table import table

ARROW = " → "


def as_text(document: DeploymentComparison) -> str:
    """Both folders, a row an artefact, and what could not be told."""
    title = metrics_shown(document.task)[0].title
    rows = [
        (
            _name(one),
            both(one, megabytes),
            both(one, percent),
            change(one.score),
            both(one, milliseconds),
            speed(one.speed),
        )
        for one in document.artefacts
    ]
    lines = [
        f"first:  {_side(document.first)}",
        f"second: {_side(document.second)}",
        "",
        table(("", "MB", f"{title}, %", "points", "p50, ms", "speed"), rows),
    ]
    notes = [*document.notes, *_of_artefacts(document)]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def both(one: ComparedArtefact, figure: Callable[[Figures], str]) -> str:
    """A figure of the first and the second, once where they are alike."""
    first, second = (figure(s) if s else numbers.UNKNOWN for s in (one.first, one.second))
    return first if first == second else f"{first}{ARROW}{second}"


def megabytes(side: Figures) -> str:
    """The file's size."""
    return numbers.significant(side.bytes / 1e6)


def percent(side: Figures) -> str:
    """The headline metric."""
    return numbers.UNKNOWN if side.score is None else f"{100 * side.score:.2f}"


def milliseconds(side: Figures) -> str:
    """The median latency."""
    return numbers.significant(side.latency_ms.p50) if side.latency_ms else numbers.UNKNOWN


def change(score: ScoreInfo | None) -> str:
    """Points of the second over the first, and half of the 95 % interval's width."""
    if score is None or score.difference_interval is None:
        return numbers.UNKNOWN
    half = 50 * score.difference_interval.width
    return f"{numbers.points(score.difference)} ±{half:.2f}"


def speed(found: Speed | None) -> str:
    """How many times as fast the second is; ``same`` where that cannot be told from noise."""
    if found is None:
        return numbers.UNKNOWN
    return "same" if found.faster == 0 else f"{1 / found.ratio:.2f}x"


def _name(one: ComparedArtefact) -> str:
    return name_in_words(one.format, one.build, one.variant)


def _side(side: Side) -> str:
    parts = [f"{side.path} ({side.network}"]
    parts += [side.recipe] if side.recipe else []
    parts += [f"{side.images:,} images"] if side.images else []
    return ", ".join([*parts, f"fbdeploy {side.fbdeploy_version})"])


def _of_artefacts(document: DeploymentComparison) -> list[str]:
    """The notes of artefacts, once each with whose they are; all of them are not named."""
    by_note: dict[str, list[str]] = {}
    for one in document.artefacts:
        for note in one.notes:
            by_note.setdefault(note, []).append(_name(one))
    timed = sum(one.first is not None and one.second is not None for one in document.artefacts)
    return [
        note if len(names) == timed else f"{', '.join(names)}: {note}"
        for note, names in by_note.items()
    ]
