"""What goes wrong in stages and measurements that are made up, and what was called.

The file named by FAKE_PLAN tells, in JSON, what is to go wrong, and every call is counted in
``calls`` beside it.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from zoo.errors import InputError


def plan() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(os.environ["FAKE_PLAN"]).read_text())
    return found


def called(what: str) -> None:
    with Path(os.environ["FAKE_PLAN"]).with_name("calls").open("a") as stream:
        stream.write(what + "\n")


def misbehave(step: str) -> None:
    """Do what the plan has for this step."""
    action = plan().get(step)
    if action == "input":
        raise InputError(f"{step}: bad input; correct it")
    if action == "crash":
        raise RuntimeError(f"{step} went wrong\nin two lines")
    if action == "die":
        print("last words", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if action == "full":
        raise InputError(f"{step}: no room") from OSError(errno.ENOSPC, "No space left on device")
    if action == "wait":
        Path(os.environ["FAKE_PLAN"]).with_name("waiting").touch()
        time.sleep(600)
