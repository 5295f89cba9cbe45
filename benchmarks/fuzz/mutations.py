"""Damages files: their bytes, and the values of those that are JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

TOKENS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"[" * 2000, b'{"a":' * 2000, b"9" * 5000, b"-1",
    b"1e999", b"-1e999", b"1e-320", b"NaN", b"Infinity", b"inf", b"nan", b"null", b"true", b'""',
    b'"\\ud800"', b'"\\u0000"', b"..", b"../../x", b"/etc/passwd", b"\n", b"\r\n", b"=", b'"',
    b"\xe2\x80\xa8", b"PK\x03\x04", b"x" * 100_000, b"9223372036854775808", b"2147483648", b"1e400",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**64, 10**30, 10**400, 0.5, -0.0, 1e-320,
    1e300, 1e308, "", " ", "x", "\x00", "\ud800", "..", "../../x", "/etc/passwd", "a\\b",
    "a" * 5000, "b/" * 3000, "9" * 400, "inf", "nan", "\n", "\u2028",
    [], {}, [[]], [None], [0] * 1000,
    {"a": {"b": {}}}, "1", [1e308, 1e308], "é" * 300,
)  # fmt: skip
CONSTANTS = ("Infinity", "-Infinity", "NaN", "1e999", "9" * 5000, "[" * 500 + "]" * 500)
MARK = "\u0001constant\u0001"


def damaged(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Files that are damaged in one to four places."""
    strategies = [_bytes(seeds)]
    documents = [seed for seed in seeds if _is_json(seed)]
    if documents:
        strategies.append(_json(documents))
    return st.one_of(strategies)


def _is_json(seed: bytes) -> bool:
    try:
        return isinstance(json.loads(seed), dict | list)
    except ValueError:
        return False


@st.composite
def _bytes(draw: Callable[[Any], Any], seeds: list[bytes]) -> bytes:
    content = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.sampled_from((0, 1, 2, 8, 100, 10_000))))
        kind = draw(st.sampled_from(("flip", "cut", "end", "insert", "replace", "twice")))
        if kind == "flip" and start < len(content):
            bit = 1 << draw(st.integers(0, 7))
            content = content[:start] + bytes([content[start] ^ bit]) + content[start + 1 :]
        elif kind == "cut":
            content = content[:start] + content[end:]
        elif kind == "end":
            content = content[:start]
        elif kind == "twice":
            content = content[:end] + content[start:]
        else:
            token = draw(st.sampled_from(TOKENS))
            content = content[:start] + token + content[start if kind == "insert" else end :]
    return content


@st.composite
def _json(draw: Callable[[Any], Any], documents: list[bytes]) -> bytes:
    document = json.loads(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        document = _changed(draw, document)
    constant = draw(st.sampled_from(CONSTANTS))
    return json.dumps(document).replace(json.dumps(MARK), constant).encode()


def _changed(draw: Callable[[Any], Any], document: Any) -> Any:
    """The document with one value changed, anywhere in it, or a key taken or added."""
    holder: Any = None
    value, key = document, None
    while isinstance(value, dict | list) and value and draw(st.integers(0, 9)):
        holder = value
        key = (
            draw(st.sampled_from(sorted(value)))
            if isinstance(value, dict)
            else draw(st.integers(0, len(value) - 1))
        )
        value = value[key]
    new = copy.deepcopy(draw(st.sampled_from((*VALUES, MARK))))
    if holder is None:
        return new
    kind = draw(st.sampled_from(("change", "change", "change", "remove", "add")))
    if kind == "change":
        holder[key] = new
    elif kind == "remove":
        del holder[key]
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(("x", "", "\ud800", "k" * 3000)))] = new
    else:
        holder.append(new)
    return document
