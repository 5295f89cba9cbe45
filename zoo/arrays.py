"""Compressed arrays (``.npz``) that somebody else may have written or damaged."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import InputError, reason_of
from zoo.files import is_file

LARGEST_BYTES = 4_000_000_000
"""Of all arrays; logits of 50,000 images and 21,843 classes have 4.4 GB, of 1,000 classes 0.2."""


def read_arrays(
    path: Path, names: tuple[str, ...], what: str, advice: str, *, others: bool = False
) -> dict[str, NDArray[Any]]:
    """Arrays of an ``.npz`` by their names; nothing pickled is read, and no more than there is.

    Args:
        path: the file.
        names: the arrays to read.
        what: what it should hold, for the error.
        advice: what to do where it cannot be read, for the error.
        others: also read all arrays of other names.

    Raises:
        InputError: it is missing, damaged, another kind of file, too large, or lacks an array.
    """
    if not is_file(path):
        raise InputError(f"{path}: holds no {what} (there is no such file); {advice}")
    try:
        with zipfile.ZipFile(path) as archive:
            # Some bytes can stand for many: a small file must not fill the memory.
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_BYTES:
                raise InputError(f"{path}: is larger than {LARGEST_BYTES:,} bytes; {advice}")
        with np.load(path, allow_pickle=False) as stored:
            wanted = dict.fromkeys([*names, *(stored.files if others else ())])
            return {name: stored[name] for name in wanted}
    except InputError:
        raise
    except Exception as error:  # damaged bytes make zipfile, zlib and numpy fail in many ways
        raise InputError(f"{path}: holds no {what} ({reason_of(error)}); {advice}") from error


def arrays_below(stored: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with ``prefix.``, without that."""
    start = f"{prefix}."
    return {key[len(start) :]: array for key, array in stored.items() if key.startswith(start)}
