"""Room on the disk: asked for before it is needed, and blamed where a full disk was the cause."""

from __future__ import annotations

import shutil
from pathlib import Path

from fbdeploy.pipeline.request import DeployRequest
from zoo.errors import InputError

MEGABYTE = 1_000_000
BYTES_EACH = {"fp32": 4, "fp16": 2}
"""Of a weight in artefacts of a build; the others have one."""
ADVICE = "choose another --output or free it"


def artefact_bytes(request: DeployRequest, parameters: int) -> int:
    """About what all artefacts of a network with so many parameters take."""
    each = sum(BYTES_EACH.get(name, 1) for name in request.builds)
    return parameters * each * len(request.formats)


def program_bytes(request: DeployRequest, parameters: int) -> int:
    """About what the captured graph and the programs take, which hold float weights too."""
    programs = sum(name not in BYTES_EACH for name in request.builds)
    return parameters * (4 + 5 * programs)


def check_space(folder: Path, needed: int) -> None:
    """Say at the start what would otherwise be found out in the middle.

    Raises:
        InputError: fewer than ``needed`` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{folder}: cannot be written (no space left: {free // MEGABYTE} MB free, "
            f"about {needed // MEGABYTE + 1} MB needed); {ADVICE}"
        )


def blame_full_disk(folder: Path) -> None:
    """After a failure: not every writer says that the disk was full when it was.

    Raises:
        InputError: it is full.
    """
    if shutil.disk_usage(folder).free < MEGABYTE:
        raise InputError(f"{folder}: cannot be written (no space left); {ADVICE}")
