"""A thousand damaged files a reader: each is read or refused with one line, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.reader import Bench, Reader
from benchmarks.fuzz.run import fuzz
from benchmarks.fuzz.table import READERS
from zoo.errors import InputError

EXAMPLES = 1000


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_damaged_files(reader: Reader, tmp_path: Path) -> None:
    counts = fuzz(reader, tmp_path / "work", EXAMPLES)
    assert sum(counts.values()) >= EXAMPLES * 0.9
    assert counts["refused"] > EXAMPLES / 20 or not reader.refuses


def test_a_reader_that_breaks_is_found(tmp_path: Path) -> None:
    def fragile(path: Path) -> None:
        if path.read_bytes().count(b"a") != 3:
            raise KeyError

    reader = Reader("fragile", lambda folder: [b"aaa"], "x", fragile)
    with pytest.raises(KeyError):
        fuzz(reader, tmp_path, 100)


def test_a_reader_that_talks_too_long_is_found(tmp_path: Path) -> None:
    class Long(InputError):
        def __str__(self) -> str:
            return "a" * 301

    def talkative(path: Path) -> None:
        raise Long("x")

    reader = Reader("talkative", lambda folder: [], "x", talkative)
    with pytest.raises(AssertionError):
        Bench.of(reader, tmp_path).refusal(b"")
