"""How far the harness can be trusted: A/A comparisons, repeated ratios, agreement, whole modes.

    python -m benchmarks.harness.run PART --artefacts OUT --output benchmarks/harness/results

PART is ``aa``, ``ratios``, ``agreement`` or ``modes``; each writes PART.json. OUT is the output
folder of ``fbdeploy deploy``. Results are written after each step and not made again, so that a
part that was cut off goes on; ``python -m benchmarks.harness.table`` shows them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.harness import aa, agreement, modes, ratios
from benchmarks.harness.document import Document

PARTS: dict[str, Callable[[Path, Document], None]] = {
    "aa": aa.run,
    "ratios": ratios.run,
    "agreement": agreement.run,
    "modes": modes.run,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--artefacts", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    command = f"python -m benchmarks.harness.run {options.part} --artefacts OUT --output DIR"
    document = Document(options.output / f"{options.part}.json", command)
    PARTS[options.part](options.artefacts, document)
    print(f"{options.part}: {len(document.results)} results", file=sys.stderr)


if __name__ == "__main__":
    main()
