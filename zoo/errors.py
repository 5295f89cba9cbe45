"""The one exception the command line turns into exit code 2, and how long a line may be."""

from __future__ import annotations

import re

LINE_LENGTH = 300
"""Characters a line for the user has at most; a longer one hides what it says."""
SHORTEST_WORD = 40
"""Words are not shortened below this, so that names stay recognizable."""


class InputError(ValueError):
    """Bad input, said in one line: what was given, what is wrong with it and what to do."""


def one_line(text: str, length: int = LINE_LENGTH) -> str:
    """``text`` as one printable line of at most ``length`` characters.

    White space becomes single spaces; what a terminal would obey or cannot show is escaped; the
    longest words, which are names the user gave, lose their middle first, then the text does.
    """
    words = ["".join(map(_printable, word)) for word in re.split(r"\s+", text.strip())]
    while (excess := len(" ".join(words)) - length) > 0:
        longest = max(range(len(words)), key=lambda index: len(words[index]))
        if len(words[longest]) <= SHORTEST_WORD:
            break
        words[longest] = _shorten(words[longest], max(SHORTEST_WORD, len(words[longest]) - excess))
    return _shorten(" ".join(words), length)


def _shorten(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    kept = length - len("...")
    return f"{text[: kept - kept // 2]}...{text[len(text) - kept // 2 :]}"


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is no UTF-8 (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
