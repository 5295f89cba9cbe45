"""The results of ``run.py`` as markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COMPARED = ("default fp32", "default int8", "twin int8", "default twin int8")


def tables(documents: Sequence[dict[str, Any]]) -> str:
    """One section a network: latencies, ratios with their intervals, and the fastest of all."""
    return "\n".join(line for document in documents for line in _section(document))


def _section(document: dict[str, Any]) -> list[str]:
    device, versions = document["device"], document["versions"]
    lines = [
        f"## {document['network']}",
        "",
        f"{device['cpu']}, {device['cores']} cores ({', '.join(device['isa'])}), one thread, "
        f"batch 1, {document['created'][:10]}, mode {document['mode']}. "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
        "",
        "| runtime | export | precision | median ms | min ms | MB | of default float "
        "| of default int8 | of the twin's int8 | of the twin's default int8 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in document["rows"]:
        latency, ratios = row["latency_ms"], row["ratios"]
        cells = [
            row["runtime"],
            row["way"],
            row["precision"],
            f"{latency['p50']:.3g}",
            f"{latency['minimum']:.3g}",
            f"{row['bytes'] / 1e6:.1f}",
            *(_ratio(ratios.get(key)) for key in COMPARED),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    fastest = document["fastest"]
    lines += ["", f"Fastest int8 of all runtimes: {fastest['int8']}."]
    for name in ("default int8", "float"):
        compared = fastest[name]
        lines.append(f"Of the fastest {name} ({compared['of']}): {_ratio(compared)}.")
    return [*lines, ""]


def _ratio(compared: dict[str, Any] | None) -> str:
    if compared is None:
        return "–"
    low, high = compared["interval"]["low"], compared["interval"]["high"]
    return f"{compared['ratio']:.2f} ({low:.2f}–{high:.2f})"
