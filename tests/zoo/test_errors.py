from __future__ import annotations

from zoo.errors import LONGEST_LINE, LONGEST_REASON, InputError, one_line, reason_of, said, shown


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
    assert len(line) == LONGEST_LINE
    assert line.startswith("aaa") and "..." in line
    assert line.endswith("aa.json: cannot be read (File name too long); check the path")


def test_long_text_of_short_words() -> None:
    line = one_line("start " + "word " * 1000 + "end")
    assert len(line) == LONGEST_LINE
    assert line.startswith("start ") and line.endswith(" end") and "..." in line


def test_several_long_names() -> None:
    line = one_line(f"{'a' * 400}: {'b' * 400} {'c' * 400} end")
    assert len(line) <= LONGEST_LINE and line.endswith(" end")
    assert all(letter * 10 in line for letter in "abc")


def test_an_error_is_one_line_from_the_start() -> None:
    assert str(InputError("a\n" + "b" * 900)).count("b") < LONGEST_LINE
    assert str(InputError("a\nb")) == "a b"


def test_a_long_text_is_quickly_told() -> None:
    for text in ("\x00" * 10_000_000, "word " * 2_000_000, ("a" * 50 + " ") * 200_000):
        assert len(one_line(text)) <= LONGEST_LINE


def test_parts_of_lines() -> None:
    assert shown("a" * 100) == "a" * 29 + "..." + "a" * 28
    assert reason_of(OSError(2, "No such file or directory", "x")) == "No such file or directory"
    assert reason_of(ValueError("\n first\nsecond")) == "first"
    assert reason_of(MemoryError()) == "MemoryError"


def test_what_a_library_says_is_cut_to_a_part_of_a_line() -> None:
    assert said(RuntimeError("\n  first line\nsecond")) == "first line"
    assert said("given as it is") == "given as it is"
    assert said(KeyError()) == "KeyError"
    long = said(ValueError("start " + "x" * 1000 + " end"))
    assert len(long) == LONGEST_REASON
    assert long.startswith("start ") and long.endswith(" end")
