"""All networks, and the table of what came out.

    python -m benchmarks.networks.run --output benchmarks/networks/results.jsonl

Several go through one process, since imports take longer than small networks; one that crashes it
is a row with that reason, and the rest get another process. A network whose line the file has
already is not run again; delete the line to run it again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.networks.names import NAMES

FORMATS = "executorch,onnx,litert"
TIMEOUT_SECONDS = 3600


def rows_of(path: Path) -> dict[str, dict[str, Any]]:
    """The lines of a results file by network."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return {row["network"]: row for row in rows}


def run(names: Sequence[str], formats: str) -> Iterator[dict[str, Any]]:
    """A row for each network, in order, as soon as it is there."""
    left = list(names)
    while left:
        answered = 0
        for row in _rows_of_process(left, formats):
            answered += 1
            yield row
        left = left[answered:]


def _rows_of_process(names: Sequence[str], formats: str) -> Iterator[dict[str, Any]]:
    """The rows of one process, the last of them the reason it ended, if it did not do all."""
    command = [sys.executable, "-m", "benchmarks.networks.one", *names, "--formats", formats]
    answered = 0
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        watch = _killer(process)
        for line in process.stdout:
            if not line.startswith('{"network"'):
                continue
            watch.cancel()
            answered += 1
            yield json.loads(line)
            watch = _killer(process)
        code = process.wait()
        watch.cancel()
        if answered < len(names):
            log.seek(0)
            last = (log.read().strip().splitlines() or [""])[-1][:200]
            yield {"network": names[answered], "reason": f"its process ended with {code}: {last}"}


def _killer(process: subprocess.Popen[str]) -> threading.Timer:
    watch = threading.Timer(TIMEOUT_SECONDS, process.kill)
    watch.daemon = True
    watch.start()
    return watch


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--formats", default=FORMATS)
    parser.add_argument("names", nargs="*", default=NAMES)
    given = parser.parse_args()
    known = rows_of(given.output)
    for row in run([name for name in given.names if name not in known], given.formats):
        with given.output.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
