"""Files of JSON lines: what is a line, and what an addition may not lose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from zoo.errors import InputError
from zoo.json_lines import append_json_line, json_lines


class Row(BaseModel):
    name: str


def _values(path: Path) -> list[object]:
    return [line.value() for line in json_lines(path, "move it away")]


@pytest.mark.parametrize("name", ["a\u2028b", "a\u2029b", "a\x85b", "a\x0cb", "a\nb", "a\r\nb", ""])
def test_a_name_with_any_line_break_is_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    for _ in range(2):
        append_json_line(path, Row(name=name))
    assert _values(path) == [{"name": name}] * 2
    # As another program may write it, with the character itself.
    path.write_text(json.dumps({"name": name}, ensure_ascii=False) + "\n", encoding="utf-8")
    append_json_line(path, Row(name="next"))
    assert _values(path) == [{"name": name}, {"name": "next"}]


def test_a_missing_and_an_empty_file_hold_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    assert _values(path) == []
    path.touch()
    assert _values(path) == []


@pytest.mark.parametrize("rest", [b"{", b'{"name": "b', b'{"name": "\xe2\x80', b"\0\0\0", b" "])
def test_what_was_cut_off_is_no_line_and_swallows_none(rest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append_json_line(path, Row(name="a"))
    path.write_bytes(path.read_bytes() + rest)
    assert _values(path) == [{"name": "a"}]
    append_json_line(path, Row(name="b"))
    assert _values(path) == [{"name": "a"}, {"name": "b"}]


@pytest.mark.parametrize("rest", [b'{"name": "b"}', b'{"foreign": 1}', b"[]", b"7"])
def test_what_is_whole_but_for_its_newline_is_a_line(rest: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append_json_line(path, Row(name="a"))
    path.write_bytes(path.read_bytes() + rest)
    assert _values(path) == [{"name": "a"}, json.loads(rest)]
    append_json_line(path, Row(name="c"))
    assert _values(path) == [{"name": "a"}, json.loads(rest), {"name": "c"}]


def test_damage_before_the_end_is_refused_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"name": "a"}\n{"na\n{"name": "c"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl:2: is not JSON .*; move it away"):
        _values(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot be written .*; choose another output"):
        append_json_line(tmp_path / "file" / "rows.jsonl", Row(name="a"))
