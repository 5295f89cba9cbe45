"""The one exception the command line turns into exit code 2, and how text becomes one line."""

from __future__ import annotations

import re

LONGEST_LINE = 300
"""Characters a line for the user has at most; a longer one hides what it says."""
LONGEST_NAME = 60
"""Characters that are enough to recognize a name by."""
LONGEST_REASON = 160
"""Characters of what a library says that are shown."""
SHORTEST_WORD = 40
"""Words are not shortened below this to make a line fit, so that names stay recognizable."""


class InputError(ValueError):
    """Bad input, said in one line: what was given, what is wrong with it and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def one_line(text: str, length: int = LONGEST_LINE) -> str:
    """``text`` as one printable line of at most ``length`` characters.

    White space becomes single spaces; what a terminal would obey or cannot show is escaped; the
    longest words, which are names the user gave, lose their middle first, then the text does.
    """
    # Most of a text that is longer by far is never shown, so it is not looked at.
    words = [_word(word) for word in re.split(r"\s+", _shorten(text.strip(), 50 * length))]
    while (excess := sum(map(len, words)) + len(words) - 1 - length) > 0:
        longest = max(range(len(words)), key=lambda index: len(words[index]))
        if len(words[longest]) <= SHORTEST_WORD:
            break
        words[longest] = _shorten(words[longest], max(SHORTEST_WORD, len(words[longest]) - excess))
    return _shorten(" ".join(words), length)


def shown(value: object, length: int = LONGEST_NAME) -> str:
    """``value`` as a part of a line, of at most ``length`` printable characters."""
    return _shorten(one_line(str(value), length), length)


def reason_of(error: BaseException | str) -> str:
    """Why something failed, in a few words: the system's, or the first line that is not blank, or
    the type; words that are given already, shortened alike."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    try:
        text = str(error)
    except Exception:  # of a class of the user's own, whose __str__ fails
        text = ""
    return first_line(text) or type(error).__name__


def first_line(text: str) -> str:
    """The first line that is not blank, without white space around it; empty if there is none."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def said(reason: BaseException | str) -> str:
    """What a library says of why it failed, as a part of a line."""
    return shown(reason_of(reason), LONGEST_REASON)


def _word(word: str) -> str:
    short = _shorten(word, 2 * LONGEST_LINE)
    return short if short.isprintable() else "".join(map(_printable, short))


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
