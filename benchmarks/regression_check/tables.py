"""The simulations as the tables of README.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from benchmarks.regression_check.rows import AccuracyRow, LatencyRow, MiouRow


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
    text = with_table(text, "accuracy", accuracy_table)
    return with_table(text, "latency", latency_table)


def miou_table(rows: Sequence[MiouRow]) -> str:
    """Of the drops of mean IoU."""
    return table(
        ("artefacts", "by points", "caught %", "false alarms %", "95 %"),
        (
            (
                str(row.artefacts),
                f"{100 * row.drop:.2f} ±{100 * row.spread:.2f}" if row.lost else "–",
                percent(row.caught) if row.lost else "–",
                percent(row.alarms),
                " to ".join(percent(end) for end in row.alarms_interval),
            )
            for row in rows
        ),
    )


def with_table(text: str, name: str, made: str) -> str:
    """README.md with the table ``made`` between the marks of ``name``."""
    block = f"<!-- {name} -->\n{made}\n<!-- end -->"
    return re.sub(rf"<!-- {name} -->\n.*?<!-- end -->", lambda _: block, text, flags=re.S)
