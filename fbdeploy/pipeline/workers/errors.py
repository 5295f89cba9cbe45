"""What an exception in a worker is to whoever started the job: in one line, and whose fault."""

from __future__ import annotations

import errno
import re
from typing import Literal

from fbdeploy.pipeline.workers.jobs import Failed
from zoo.errors import InputError, first_line

RUST_OS_ERROR = re.compile(r"\(os error (\d+)\)")
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def failure_of(error: BaseException) -> Failed:
    """How an exception is told to the parent."""
    if is_disk_error(error):
        return Failed(cause="disk", message=line_of(error))
    cause: Literal["input", "crash"] = "input" if isinstance(error, InputError) else "crash"
    return Failed(cause=cause, message=line_of(error))


def is_disk_error(error: BaseException) -> bool:
    """Whether the error, or one that it came from, is that the disk is full or read-only."""
    return any(_errno(link) in DISK_ERRORS for link in _chain(error))


def line_of(error: BaseException) -> str:
    """An InputError's own line; the type and first line of anything else."""
    message = first_line(str(error))
    if isinstance(error, InputError):
        return message
    return f"{type(error).__name__}: {message}".removesuffix(": ")[:500]


def _errno(error: BaseException) -> int | None:
    """The operating system's number of an error; safetensors, in Rust, has it in its text."""
    if isinstance(error, OSError):
        return error.errno
    from safetensors import SafetensorError

    told = RUST_OS_ERROR.search(str(error)) if isinstance(error, SafetensorError) else None
    return int(told[1]) if told else None


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain
