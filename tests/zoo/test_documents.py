"""Every kind of document that cannot be held ends with one line; everything else is read."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from zoo.documents import (
    DEPTH,
    LARGEST_INTEGER,
    parse_json,
    parse_toml,
    read_bytes,
    read_json,
    read_toml,
    validated,
    versioned,
)
from zoo.errors import InputError

BAD_JSON = {
    "deep lists": b"[" * 100_000,
    "deep lists that end": b"[" * 100_000 + b"]" * 100_000,
    "deeper than we hold": b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1),
    "deep tables": b'{"a":' * 100_000,
    "5000 digits": b"9" * 5000,
    "5000 digits in a list": b"[-" + b"9" * 5000 + b"]",
    "beyond 64 bits": str(LARGEST_INTEGER + 1).encode(),
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b"[-Infinity]",
    "NaN": b"NaN",
    "1e999": b'{"a": [1e999]}',
    "lone surrogate": b'"\\ud800"',
    "lone surrogate in a key": b'{"\\udfff": 1}',
    "not UTF-8": b'"\xff\xfe"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "NUL": b'{"a": 1}\0',
    "NUL in a string": b'"a\0b"',
    "nothing": b"",
    "cut off": b'{"a": [1, 2',
    "two documents": b"{}{}",
    "one key twice": b'{"a": 1, "a": 2}',
    "one key twice, below": b'[{"b": {"a": 1, "a": 1}}]',
    "a long key twice": b'{"%s": 1, "%s": 2}' % (b"k" * 100_000, b"k" * 100_000),
    "comment": b"{} // no",
    "single quotes": b"{'a': 1}",
}

BAD_TOML = {
    "deep lists": b"a = " + b"[" * 100_000,
    "deep lists that end": b"a = " + b"[" * 900 + b"]" * 900,
    "deep tables": b"a = " + b"{b = " * 50_000,
    "deep keys": b".".join([b"a"] * 5000) + b" = 1",
    "5000 digits": b"a = " + b"9" * 5000,
    "beyond 64 bits": b"a = 9223372036854775808",
    "inf": b"a = inf",
    "nan": b"a = [nan]",
    "1e999": b"a = 1e999",
    "lone surrogate": b'a = "\\ud800"',
    "not UTF-8": b'a = "\xff"',
    "NUL": b"a = 1\0",
    "one key twice": b"a = 1\na = 2",
    "long line": b"a" * 900_000,
    "no key": b"= 1",
    "too large": b"#" * 1_000_001,
}


def told(error: pytest.ExceptionInfo[InputError]) -> str:
    line = str(error.value)
    assert len(line) <= 300 and line.isprintable()
    return line


@pytest.mark.parametrize("kind", BAD_JSON)
def test_bad_json(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(BAD_JSON[kind])
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        read_json(path, "correct it")
    line = told(error)
    assert line.startswith(f"{path}: is n") and line.endswith("; correct it")
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("kind", BAD_TOML)
def test_bad_toml(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(BAD_TOML[kind])
    with pytest.raises(InputError) as error:
        read_toml(path, "correct it")
    line = told(error)
    assert line.startswith(f"{path}: is ") and line.endswith("; correct it")


def test_what_can_be_held_is_read() -> None:
    deep = b"[" * DEPTH + b"]" * DEPTH
    assert parse_json(b'\xef\xbb\xbf{"a": [1, -2.5e3, "\\u00e4\\ud83d\\ude00"]}', "x", "") == {
        "a": [1, -2500.0, "ä😀"]
    }
    assert parse_json(str(LARGEST_INTEGER), "x", "") == LARGEST_INTEGER
    assert parse_json(deep, "x", "") is not None
    assert parse_toml(b"\xef\xbb\xbfa = 1\r\nb = 2026-11-29", "x", "")["a"] == 1


@pytest.mark.parametrize("name", ["missing", "folder", "fifo", "loop", "a" * 300, "a\0b"])
def test_what_is_no_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError) as error:
        read_json(tmp_path / name, "correct it")
    told(error)


def test_the_size_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"12345")
    assert read_bytes(tmp_path / "x", "", 5) == b"12345"
    with pytest.raises(InputError, match="larger"):
        read_bytes(tmp_path / "x", "", 4)


class Schema(BaseModel, extra="forbid"):
    schema_version: int = 1
    count: Annotated[int, Field(ge=0)]


def test_schemas() -> None:
    assert validated(Schema, {"count": 3}, "x", "").count == 3
    for value, said in (
        ({"count": -1}, "x: count: Input should be greater"),
        ({}, "x: count: Field required"),
        ([], "x: the document: "),
        ({"count": 1, "k" * 10_000: 1}, "kkk"),
        ({"count": "9" * 5000}, "x: count: "),
    ):
        with pytest.raises(InputError) as error:
            validated(Schema, value, "x", "correct it")
        assert said in told(error)


@pytest.mark.parametrize("version", [None, 2, "1", True, {"a": 1}, "9" * 10_000])
def test_other_versions(version: object) -> None:
    with pytest.raises(InputError) as error:
        versioned(Schema, {"schema_version": version, "count": 1}, 1, "x", "correct it")
    assert "x: has schema_version " in told(error)
    assert versioned(Schema, {"schema_version": 1, "count": 1}, 1, "x", "").count == 1
