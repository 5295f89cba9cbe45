"""What the manifest beside an artefact's folder says of the artefact."""

from __future__ import annotations

from pathlib import Path

from fbdeploy.records.manifest import FILE_NAME, Artefact, Manifest, read_manifest
from zoo.errors import InputError
from zoo.files import exists


def described(artefact: Path) -> tuple[Manifest | None, Artefact | None]:
    """The manifest of the artefact's output folder and its entry there, as far as there are any.

    Raises:
        InputError: there is no such artefact, or its manifest cannot be read.
    """
    if not exists(artefact):
        raise InputError(f"{artefact}: no such artefact; give a file that fbdeploy deploy wrote")
    folder = artefact.resolve().parent.parent
    if not exists(folder / FILE_NAME):
        return None, None
    manifest = read_manifest(folder)
    path = artefact.resolve().relative_to(folder).as_posix()
    return manifest, next((entry for entry in manifest.artefacts if entry.path == path), None)
