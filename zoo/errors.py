"""The one exception the command line turns into exit code 2, and how a reason becomes one line."""

from __future__ import annotations

LONGEST_LINE = 300
LONGEST_NAME = 60


class InputError(ValueError):
    """Bad input, said in one line: what was given, what is wrong with it and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(shown(message, LONGEST_LINE))


def shown(value: object, limit: int = LONGEST_NAME) -> str:
    """``value`` as text of at most ``limit`` printable characters in one line.

    What is too long loses its middle: paths tell most at their ends. White space becomes blanks;
    other characters that cannot be printed are escaped.
    """
    text = str(value)
    if len(text) > 2 * limit:  # before it is looked at character by character
        text = _cut(text, 2 * limit)
    return _cut("".join(map(_printable, text)), limit)


def reason_of(error: BaseException) -> str:
    """The first line of what an exception says, else its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}...{text[len(text) - (limit - head - 3) :]}"


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else ascii(character)[1:-1]
