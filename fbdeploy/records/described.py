"""Artefacts as a user names them, and what the manifest beside an artefact's folder says of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from export.format_info import FORMAT_INFO, format_of
from fbdeploy.records.manifest import FILE_NAME, Artefact, Manifest, read_manifest
from zoo.errors import InputError
from zoo.files import exists, inside, is_folder


def described(artefact: Path) -> tuple[Manifest | None, Artefact | None]:
    """The manifest of the artefact's output folder and its entry there, as far as there are any.

    Raises:
        InputError: there is no such artefact, or its manifest cannot be read.
    """
    if not exists(artefact):
        raise InputError(f"{artefact}: no such artefact; check the path")
    folder = artefact.resolve().parent.parent
    if not exists(folder / FILE_NAME):
        return None, None
    manifest = read_manifest(folder)
    path = artefact.resolve().relative_to(folder).as_posix()
    return manifest, next((entry for entry in manifest.artefacts if entry.path == path), None)


def named(given: Iterable[Path], *, timed: bool = False) -> list[Path]:
    """The artefacts that are meant: an output folder stands for all that may be shipped.

    With ``timed``, for those that have a runtime to be timed in.

    Raises:
        InputError: an output folder has none, or a folder is neither that nor an artefact.
    """
    found: list[Path] = []
    for path in given:
        found += _in_folder(path, timed) if is_folder(path) and format_of(path) is None else [path]
    return list(dict.fromkeys(found))


def _in_folder(folder: Path, timed: bool) -> list[Path]:
    if not exists(folder / FILE_NAME):
        raise InputError(
            f"{folder}: is a folder without {FILE_NAME}; give an artefact, or a folder that "
            "fbdeploy deploy wrote"
        )
    entries = [entry for entry in read_manifest(folder).artefacts if not entry.rejected]
    found = [entry for entry in entries if FORMAT_INFO[entry.format].timed or not timed]
    if not found:
        raise InputError(f"{folder}: holds no artefact for this; deploy into it first")
    return [inside(folder, entry.path) for entry in found]
