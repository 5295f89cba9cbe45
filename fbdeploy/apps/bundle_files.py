"""What writing, reading and installing a demo bundle share: its files' names, and copying."""

from __future__ import annotations

import shutil
from pathlib import Path

from fbdeploy.records.bundle_schema import CONFIG_NAME
from fbdeploy.records.manifest import Artefact

GOLDEN_NAME, LABELS_NAME, README = "golden.json", "labels.txt", "README.md"

MARKS = (CONFIG_NAME, README)
"""What tells a bundle's folder; ios_demo keeps the README in it, which its project needs."""


def model_id(artefact: Artefact) -> str:
    """What the apps call an artefact: ``format-build`` or ``format-build-variant``."""
    parts = (artefact.format, artefact.build, artefact.variant)
    return "-".join(part for part in parts if part)


def copy(source: Path, target: Path) -> None:
    """Copy a model, a file or a folder, to a name that is free."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def files_of(path: Path) -> list[Path]:
    """The files that a model consists of: itself, or those of its folder."""
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
