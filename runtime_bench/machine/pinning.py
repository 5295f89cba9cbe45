"""Binding the process to given cores."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from zoo.errors import InputError


@contextmanager
def pinned(cores: Sequence[int] | None) -> Iterator[tuple[int, ...] | None]:
    """Run the block on ``cores`` only, all threads of the process included.

    None leaves the process where it is. Yields the cores that it may use, None where the system
    does not tell (macOS, Windows).

    Raises:
        InputError: a core that this process may not use, or a system that cannot bind.
    """
    if sys.platform != "linux":
        if cores is not None:
            raise InputError(f"{sys.platform}: cannot bind to cores; leave the cores away")
        yield None
        return
    allowed = os.sched_getaffinity(0)
    if cores is None:
        yield tuple(sorted(allowed))
        return
    wanted = set(cores)
    if not wanted or not wanted <= allowed:
        raise InputError(
            f"cores {','.join(map(str, cores))}: this process may use "
            f"{','.join(map(str, sorted(allowed)))}; give some of these"
        )
    _bind(wanted)
    try:
        yield tuple(sorted(wanted))
    finally:
        _bind(allowed)


def _bind(cores: set[int]) -> None:
    # Pools that were started before would keep the old mask, so every thread is bound.
    for task in Path("/proc/self/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:
            continue
