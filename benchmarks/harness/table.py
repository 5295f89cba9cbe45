"""The results of ``benchmarks.harness.run`` as Markdown: python -m benchmarks.harness.table DIR"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from stats.proportions import wilson_interval


def _results(folder: Path, part: str) -> list[dict[str, Any]]:
    path = folder / f"{part}.json"
    if not path.exists():
        return []
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return found


def aa(folder: Path) -> list[str]:
    """False alarms, and how far the ratio strays from 1."""
    lines = ["| artefact | way | repeats | called a difference | 95 % of the ratios |"]
    lines.append("|---|---|---:|---:|---:|")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in _results(folder, "aa"):
        groups.setdefault((one["artefact"], one["way"]), []).append(one)
    for (artefact, way), ones in sorted(groups.items()):
        called = sum(one["called"] for one in ones)
        rate = wilson_interval(called, len(ones))
        low, high = np.percentile([one["ratio"] for one in ones], (2.5, 97.5))
        lines.append(
            f"| {artefact} | {way} | {len(ones)} | {called} "
            f"({rate.low:.0%} to {rate.high:.0%}) | {low:.3f} to {high:.3f} |"
        )
    return lines


def ratios(folder: Path) -> list[str]:
    """Largest over smallest of the five ratios."""
    lines = ["| first / second | interleaved | max / min - 1 | separate means | max / min - 1 |"]
    lines.append("|---|---|---:|---|---:|")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in _results(folder, "ratios"):
        groups.setdefault((one["first"], one["second"]), []).append(one)
    for (first, second), ones in groups.items():
        cells = []
        for key in ("interleaved", "separate_means"):
            values = [one[key] for one in ones]
            cells += [" ".join(f"{value:.3f}" for value in values)]
            cells += [f"{max(values) / min(values) - 1:.1%}"]
        lines.append(f"| {first} / {second} | " + " | ".join(cells) + " |")
    return lines


def agreement(folder: Path) -> list[str]:
    """Medians of the repeats, milliseconds."""
    lines = ["| artefact | ours, ms | torch.utils.benchmark | ours / torch's, by rounds |"]
    lines[0] += " same runs: ours | onnxruntime's profile |"
    lines.append("|---|---:|---:|---:|---:|---:|")
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in _results(folder, "agreement"):
        groups.setdefault(one["artefact"], []).append(one)
    for artefact, ones in groups.items():
        cells = [
            _median(ones, key)
            for key in (
                "ours_ms",
                "torch_ms",
                "ratio",
                "profiled_ours_ms",
                "profiled_onnxruntime_ms",
            )
        ]
        lines.append(f"| {artefact} | " + " | ".join(cells) + " |")
    return lines


def _median(ones: list[dict[str, Any]], key: str) -> str:
    values = [one[key] for one in ones if one[key] is not None]
    return f"{np.median(values):.4f}" if values else ""


def modes(folder: Path) -> list[str]:
    """Runs and seconds that were asked for and made."""
    lines = [
        "| mode | artefact | runs (at least) | seconds (at least) | p50 | p90 | p99, ms | noise |"
    ]
    lines.append("|---|---|---:|---:|---:|---:|---:|---|")
    for one in _results(folder, "modes"):
        lines.append(
            f"| {one['mode']} | {one['artefact']} | {one['runs']:,} ({one['minimum_runs']:,}) "
            f"| {one['seconds']:.1f} ({one['minimum_seconds']:.0f}) | {one['p50_ms']:.3f} "
            f"| {one['p90_ms']:.3f} | {one['p99_ms']:.3f} | {'; '.join(one['noise']) or 'none'} |"
        )
    return lines


def main(arguments: list[str]) -> None:
    """Print all tables."""
    folder = Path(arguments[0])
    for part in (aa, ratios, agreement, modes):
        print("\n".join(part(folder)), end="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
