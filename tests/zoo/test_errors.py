from __future__ import annotations

from zoo.errors import LINE_LENGTH, one_line


def test_short_text_is_kept() -> None:
    assert one_line("model.onnx: is no model; export it again") == (
        "model.onnx: is no model; export it again"
    )


def test_white_space_and_control_characters() -> None:
    assert one_line(" a\n\tb\r\nc ") == "a b c"
    assert one_line("x\x1b[2Jy\x00") == "x\\x1b[2Jy\\x00"
    assert one_line("a\u202eb") == "a\\u202eb"
    assert one_line("naïve−1") == "naïve−1"


def test_a_name_that_is_no_utf8_shows_its_bytes() -> None:
    assert one_line(b"\xfe\xff.json".decode(errors="surrogateescape")) == "\\xfe\\xff.json"


def test_a_long_name_loses_its_middle_and_the_rest_stays() -> None:
    line = one_line(f"{'a' * 5000}.json: cannot be read (File name too long); check the path")
    assert len(line) == LINE_LENGTH
    assert line.startswith("aaa") and "..." in line
    assert line.endswith("aa.json: cannot be read (File name too long); check the path")


def test_long_text_of_short_words() -> None:
    line = one_line("start " + "word " * 1000 + "end")
    assert len(line) == LINE_LENGTH
    assert line.startswith("start ") and line.endswith(" end") and "..." in line


def test_several_long_names() -> None:
    line = one_line(f"{'a' * 400}: {'b' * 400} {'c' * 400} end")
    assert len(line) <= LINE_LENGTH and line.endswith(" end")
    assert all(letter * 10 in line for letter in "abc")
