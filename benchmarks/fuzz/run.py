"""Gives every reader thousands of damaged files: python -m benchmarks.fuzz.run --examples 10000

Prints how many each reader read and refused. A reader with a defect is named with it, the others
follow, and the exit code is 1; the smallest file that shows the defect is in ``--keep``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from benchmarks.fuzz.mutations import damaged
from benchmarks.fuzz.reader import Bench, Reader
from benchmarks.fuzz.table import READERS

SEED = 20261129


def fuzz(reader: Reader, folder: Path, examples: int) -> Counter[str]:
    """Give ``reader`` so many damaged files; the same ones each time.

    Args:
        reader: whom.
        folder: an empty folder to work in.
        examples: files.

    Returns:
        How many were ``read`` and ``refused``.

    Raises:
        Exception: the first defect, on the smallest file that hypothesis finds for it; that file
            is the reader's in ``folder``.
    """
    bench = Bench.of(reader, folder)
    counts: Counter[str] = Counter()

    @seed(SEED)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(bench.seeds))
    def attempt(content: bytes) -> None:
        counts["read" if bench.refusal(content) is None else "refused"] += 1

    attempt()
    return counts


def main() -> int:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--only", default="", help="Readers whose name holds this.")
    parser.add_argument("--keep", type=Path, help="Folder for the files of a defect.")
    given_options = parser.parse_args()
    print("| reader | files | read | refused | seconds |\n|---|---|---|---|---|")
    if given_options.keep:
        given_options.keep.mkdir(parents=True, exist_ok=True)
    defects = 0
    for reader in READERS:
        if given_options.only not in reader.name:
            continue
        start = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="fbdeploy-fuzz-", dir=given_options.keep))
        try:
            counts = fuzz(reader, folder / "work", given_options.examples)
        except Exception:
            print(f"{reader.name}: a defect; its file is in {folder}", file=sys.stderr)
            traceback.print_exc()
            defects += 1
            continue
        files = sum(counts.values())
        print(
            f"| {reader.name} | {files:,} | {counts['read']:,} | {counts['refused']:,} "
            f"| {time.monotonic() - start:.0f} |",
            flush=True,
        )
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
