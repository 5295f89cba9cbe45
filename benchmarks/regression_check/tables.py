"""The simulations as the tables of README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from benchmarks.regression_check.rows import AccuracyRow, LatencyRow


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---:|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def percent(share: float) -> str:
    """Such as ``97.3``, or ``–`` for a rate that has no meaning there."""
    return f"{100 * share:.1f}"


def with_tables(text: str, accuracy: Sequence[AccuracyRow], latency: Sequence[LatencyRow]) -> str:
    """README.md with its tables between their marks."""
    accuracy_table = table(
        (
            *("flips %", "classes", "artefacts", "dropped", "by points"),
            *("caught %", "false alarms %", "95 %"),
        ),
        (
            (
                f"{100 * row.flips:g}",
                str(row.classes),
                str(row.artefacts),
                str(row.dropped),
                f"{100 * row.drop:.2f}" if row.dropped else "–",
                percent(row.caught) if row.dropped else "–",
                percent(row.alarms),
                " to ".join(percent(end) for end in row.alarms_interval),
            )
            for row in accuracy
        ),
    )
    latency_table = table(
        ("slower by %", "caught %", "NOISY %", "false alarms %", "95 %"),
        (
            (
                f"{100 * (row.slowdown - 1):.0f}" if row.slowdown > 1 else "none",
                percent(row.caught) if row.slowdown > 1 else "–",
                percent(row.noisy),
                percent(row.alarms),
                " to ".join(percent(end) for end in row.alarms_interval),
            )
            for row in latency
        ),
    )
    for name, made in (("accuracy", accuracy_table), ("latency", latency_table)):
        block = f"<!-- {name} -->\n{made}\n<!-- end -->"
        text = re.sub(rf"<!-- {name} -->\n.*?<!-- end -->", lambda _, b=block: b, text, flags=re.S)
    return text
