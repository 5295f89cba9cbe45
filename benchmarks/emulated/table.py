"""The result files as Markdown: python -m benchmarks.emulated.table benchmarks/emulated"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.emulated.published import table as errors_table


def counts_table(results: list[dict[str, Any]]) -> str:
    """Millions of instructions by core; what differs between processes or from the host is said."""
    cores = list(dict.fromkeys(one["core"] for one in results))
    lines = ["| network | precision | runtime | " + " | ".join(cores) + " | outputs |"]
    lines.append("|---|---|---|" + "---:|" * len(cores) + "---|")
    groups: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    for one in results:
        key = (one["network"], one["precision"], one["runtime"])
        groups.setdefault(key, {})[one["core"]] = one
    for key, by_core in groups.items():
        cells = [_cell(by_core[core]) if core in by_core else "" for core in cores]
        largest = max(one["outputs_largest_difference"] for one in by_core.values())
        equal = all(one["outputs_equal_host"] for one in by_core.values())
        said = "equal the host's" if equal else f"within {largest:.0e}"
        lines.append("| " + " | ".join((*key, *cells, said)) + " |")
    return "\n".join(lines)


def _cell(one: dict[str, Any]) -> str:
    family = (one["kernel_family"] or "").rpartition("(")[2].rstrip(")")
    text = f"{one['instructions'] / 1e6:.1f} {family}".strip()
    if one["cycles"] is not None:
        text += f", {one['cycles']['cycles'] / 1e6:.1f} cycles"
    return text if one["repeats"] else text + " (differs between processes)"


def main(arguments: list[str]) -> None:
    """Print both tables."""
    folder = Path(arguments[0])
    print(counts_table(json.loads((folder / "counts.json").read_text())["results"]), end="\n\n")
    print(errors_table(json.loads((folder / "latency_errors.json").read_text())))


if __name__ == "__main__":
    main(sys.argv[1:])
