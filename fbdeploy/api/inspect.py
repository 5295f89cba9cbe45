"""``fbdeploy.inspect`` and ``fbdeploy.inspect_folder``."""

from __future__ import annotations

import os
from pathlib import Path

from export.inspection.inspection import Inspection
from fbdeploy.api.errors import in_python
from fbdeploy.pipeline.first_look import look_at_artefact
from fbdeploy.records.described import named
from runtime_bench.runtimes.guest import inspect_as_guest


@in_python
def inspect(artefact: str | os.PathLike[str]) -> Inspection:
    """What is inside an artefact: operators, int8 and delegated share, what stays outside, memory.

    It is read in a process of its own.

    Raises:
        InputError: it is not there, of no known format, or damaged.
    """
    path = Path(artefact)
    look_at_artefact(path)
    return inspect_as_guest(path)


@in_python
def inspect_folder(output: str | os.PathLike[str]) -> dict[Path, Inspection]:
    """:func:`inspect` of all artefacts of a folder that ``deploy`` wrote, but for rejected ones.

    Raises:
        InputError: it is none, or an artefact is not there or damaged.
    """
    return {path: inspect_as_guest(path) for path in named([Path(output)])}
