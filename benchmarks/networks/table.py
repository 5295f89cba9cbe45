"""The results as a table: python -m benchmarks.networks.table benchmarks/networks/results.jsonl"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.networks.run import rows_of

FORMATS = ("executorch", "onnx", "litert")
#: Below this the table says so.
LOW_DB = 15.0


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown, one network a line, and below it why some have failed or are low."""
    lines = [
        "| network | pixels | program, dB | int8 share | " + " | ".join(FORMATS) + " |",
        "|---|---|---|---|" + "---|" * len(FORMATS),
    ]
    reasons = []
    for name, row in rows.items():
        if "program_db" not in row:
            lines.append(f"| {name} | {row.get('pixels', '')} |" + " failed |" * (2 + len(FORMATS)))
            reasons.append(f"- {name}: {row['reason']}")
            continue
        cells = [_cell(row["formats"].get(form)) for form in FORMATS]
        low = " (low)" if row["program_db"] < LOW_DB else ""
        lines.append(
            f"| {name} | {row['pixels']} | {row['program_db']}{low} | {row['int8_share']:.2f} | "
            + " | ".join(cells)
            + " |"
        )
        reasons += [
            f"- {name}, {form}: {found['reason']}"
            for form, found in row["formats"].items()
            if "reason" in found
        ]
    return "\n".join([*lines, "", *reasons]).rstrip() + "\n"


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not run"
    if "reason" in found:
        return "failed"
    low = " (low)" if found["artefact_db"] < LOW_DB else ""
    share = "" if found["int8_share"] is None else f", {found['int8_share']:.2f}"
    return f"{found['artefact_db']}{low}{share}"


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    print(table(rows_of(parser.parse_args().results)), end="")


if __name__ == "__main__":
    main()
