"""New Python processes that run a module of ours, wherever the user stands."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

OURS = str(Path(__file__).parents[2])
"""The folder that all our packages lie in."""


def module_command(module: str, *arguments: str | Path) -> list[str]:
    """The command line of ``python -m module``; -P keeps the current folder off the path, since a
    ``zoo.py`` or ``export.py`` there would take our packages' place."""
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


def with_our_packages(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` with our packages first on the path, wherever this process found them."""
    others = environment.get("PYTHONPATH")
    return {**environment, "PYTHONPATH": OURS + (os.pathsep + others if others else "")}
