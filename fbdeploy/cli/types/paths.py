"""Paths: what is read must be a file or a folder, what is written must be possible to write.

What is missing is told by whoever reads it, since that depends on what was expected there.
"""

from __future__ import annotations

import os
from pathlib import Path

from fbdeploy.cli.types.reading import option, refuse
from zoo.files import exists, is_file, is_folder, try_append, try_file, try_folder


@option
def path_in(given: str) -> Path:
    """A file or a folder to read."""
    path = Path(given)
    if exists(path) and not (is_file(path) or is_folder(path)):
        refuse(given, "is a device, pipe or socket; name a file or folder")
    return path


@option
def file_in(given: str) -> Path:
    """A file to read."""
    path = path_in(given)
    if is_folder(path):
        refuse(given, "is a folder; name a file")
    return path


@option
def folder_in(given: str) -> Path:
    """A folder to read or to add to."""
    path = path_in(given)
    if is_file(path):
        refuse(given, "is a file; name a folder")
    return path


@option
def file_out(given: str) -> Path:
    """A file to write; an earlier one is replaced."""
    # Path drops the slash that says a folder is meant.
    if given.endswith(os.sep):
        refuse(given, "is a folder; name a file")
    path = Path(given)
    try_file(path)
    return path


@option
def file_to_extend(given: str) -> Path:
    """A file to append to, or to make; its folder need not be writable if it is there."""
    if given.endswith(os.sep):
        refuse(given, "is a folder; name a file")
    path = Path(given)
    try_append(path)
    return path


@option
def folder_out(given: str) -> Path:
    """A folder to make, or to write into."""
    path = Path(given)
    try_folder(path)
    return path


@option
def file_or_name(given: str) -> str:
    """A name from a list of ours, or else a file or folder to read, as in ``--data``."""
    path_in(given)
    return given


@option
def network(given: str) -> str:
    """A network's name, or ``FILE.py:FUNCTION``."""
    file, separator, _ = given.rpartition(":")
    path_in(file if separator and file.endswith(".py") else given)
    return given
