"""The command line of a benchmark that writes its results, and shows them as a table."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fbdeploy.pipeline.environment import environment

Document = dict[str, Any]


def main_of(
    about: str | None,
    table: Callable[[Document], str],
    measured: Callable[[argparse.Namespace], Document],
    **numbers: int,
) -> None:
    """Parse ``--table``, ``--output`` and an option for each of ``numbers``, whose defaults they
    are; write what was ``measured``, beside this machine, and print its ``table``."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--table", type=Path, help="show these results and do nothing else")
    parser.add_argument("--output", type=Path, help="where results are written")
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    if given.table is not None:
        print(table(json.loads(given.table.read_text())))
        return
    if given.output is None:
        parser.error("--output is missing")
    document = {"environment": environment().model_dump(mode="json"), **measured(given)}
    given.output.write_text(json.dumps(document, indent=1) + "\n")
    print(table(document))
