"""All networks, each in a process of its own, and the table of what came out.

    python -m benchmarks.networks.run --output benchmarks/networks/results.jsonl

A network whose line the file has already is not run again; delete the line to run it again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.networks.names import NAMES

FORMATS = "executorch,onnx,litert"
TIMEOUT_SECONDS = 900


def rows_of(path: Path) -> dict[str, dict[str, Any]]:
    """The lines of a results file by network."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {row["network"]: row for row in rows}


def run(name: str, formats: str) -> dict[str, Any]:
    """One network in a process of low priority; one that crashes is a row with its reason."""
    command = [sys.executable, "-m", "benchmarks.networks.one", name, "--formats", formats]
    try:
        done = subprocess.run(
            ["nice", "-n", "19", *command],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"network": name, "reason": f"not done in {TIMEOUT_SECONDS} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"network"')]
    if lines:
        row: dict[str, Any] = json.loads(lines[-1])
        return row
    last = (done.stderr.strip().splitlines() or [""])[-1][:200]
    return {"network": name, "reason": f"its process ended with {done.returncode}: {last}"}


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--formats", default=FORMATS)
    parser.add_argument("names", nargs="*", default=NAMES)
    given = parser.parse_args()
    known = rows_of(given.output)
    for name in given.names:
        if name in known:
            continue
        row = run(name, given.formats)
        with given.output.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
