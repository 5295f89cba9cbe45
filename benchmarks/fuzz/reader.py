"""What a fuzzed reader is, and what it may do with a damaged file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import LONGEST_LINE, InputError


@dataclass(frozen=True)
class Reader:
    """A reader of one kind of file.

    Attributes:
        name: what it is called in the results.
        valid: makes the contents of files that it reads, in a folder of its own that it may fill
            with what belongs beside them.
        place: where the file lies in that folder.
        read: reads the file and uses what it read, as the commands do.
        refuses: False where a damaged file counts as none.
    """

    name: str
    valid: Callable[[Path], list[bytes]]
    place: str
    read: Callable[[Path], object]
    refuses: bool = True


@dataclass(frozen=True)
class Bench:
    """A reader with its folder and valid files, ready to be given damaged ones."""

    reader: Reader
    folder: Path
    seeds: list[bytes]

    @classmethod
    def of(cls, reader: Reader, folder: Path) -> Bench:
        """Fill ``folder``, and see that what is not damaged is read."""
        folder.mkdir(parents=True, exist_ok=True)
        bench = cls(reader, folder, reader.valid(folder))
        for seed in bench.seeds:
            assert bench.refusal(seed) is None, bench.refusal(seed)
        return bench

    def refusal(self, content: bytes) -> str | None:
        """The line that the reader refuses ``content`` with; None if it is read.

        Raises:
            Exception: whatever else the reader raises, which is a defect.
            AssertionError: the line is none, or too long.
        """
        path = self.folder / self.reader.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            self.reader.read(path)
        except InputError as error:
            line = str(error)
            assert 0 < len(line) <= LONGEST_LINE and line.isprintable(), line
            return line
        return None
