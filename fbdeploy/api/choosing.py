"""Names from a list of ours, as a text with commas or as a sequence."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.errors import InputError, shown


def choices(given: str | Sequence[str], known: tuple[str, ...], option: str) -> tuple[str, ...]:
    """Those given, each of ``known``, in the order and the number they first appear.

    Raises:
        InputError: one is unknown, or there is none.
    """
    parts = given.split(",") if isinstance(given, str) else given
    names = [part.strip() for part in parts if part.strip()]
    for part in names:
        if part not in known:
            raise InputError(f"{option} {shown(part)}: is unknown; give some of {', '.join(known)}")
    if not names:
        raise InputError(f"{option}: is empty; give some of {', '.join(known)}")
    return tuple(dict.fromkeys(names))
