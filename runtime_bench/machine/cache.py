"""Where downloads and builds for other machines are kept between runs."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """``$FBDEPLOY_CACHE``, or ``fbdeploy`` in the user's cache folder."""
    chosen = os.environ.get("FBDEPLOY_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "fbdeploy"


@contextmanager
def cache_lock(cache: Path) -> Iterator[None]:
    """Let only one process at a time make something in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
