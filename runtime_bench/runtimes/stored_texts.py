"""Texts that artefacts keep of themselves, read from their files without trusting them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

LARGEST = 64 * 1024 * 1024
"""Bytes: a million classes of ImageNet's longest names."""


def texts_of(stored: str | bytes) -> dict[str, str]:
    """Texts by key of a JSON object; none of anything else."""
    try:
        found = json.loads(stored)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def archived(path: Path, ending: str) -> bytes:
    """The file of a zip archive whose name ends so; nothing where ``path`` is no archive or has
    none."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(ending) and entry.file_size <= LARGEST:
                    return archive.read(entry)
    # What zipfile raises of damaged archives has no base class.
    except Exception:
        return b""
    return b""
