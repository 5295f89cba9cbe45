"""What every format's reader offers, and how a file that it cannot read is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from export.inspection.graph import Reading
from zoo.errors import InputError, said


class Reader(Protocol):
    """Reads artefacts of one format."""

    @property
    def format(self) -> str:
        """The format's name in ``export``."""

    def recognizes(self, path: Path) -> bool:
        """Whether an existing file or folder looks like this format inside, whatever its name."""

    def read(self, path: Path) -> Reading:
        """What is in the artefact and where it runs.

        Raises:
            InputError: a package is missing, or the file is truncated or corrupt.
        """


def leading_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file; none of a folder."""
    if not path.is_file():
        return b""
    with path.open("rb") as stream:
        return stream.read(count)


@contextmanager
def corrupt_file(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a parser raises on a damaged file into one line.

    Raises:
        InputError: the block raised; ``what`` names the kind of file.
    """
    try:
        yield
    except InputError:
        raise
    # Parsers of corrupt bytes raise errors that share no base class.
    except Exception as error:
        raise refuse(path, what, error) from error


def refuse(path: Path, what: str, reason: BaseException | str) -> InputError:
    """The error of a file that is not a whole artefact of its format."""
    return InputError(f"{path}: is no readable {what} ({said(reason)}); export the artefact again")
