"""What hosts do in tests: jobs of a moment, and jobs that last until they are ended."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from fbdeploy.pipeline.workers.worker import Reporter


def copy(report: Reporter, *, folder: str, name: str, request: dict[str, Any]) -> None:
    """Write what ``request.data``'s files hold, one after another, to a file of that name."""
    data = Path(request["data"])
    print(f"copying {name}")
    text = "".join(p.read_text() for p in sorted(data.rglob("*")) if p.is_file())
    (Path(folder) / "made").mkdir(exist_ok=True)
    (Path(folder) / "made" / name).write_text(text)
    report.note(f"made of {request['data']}")
    report.result("made", {"key": name, "path": f"{folder}/made/{name}", "pid": os.getpid()})


def wait(report: Reporter, *, folder: str, seconds: float) -> None:
    """Hand over one thing, then wait so long; a second start is told by what the first left."""
    report.result("begun", {"key": "begun", "pid": os.getpid()})
    (Path(folder) / "pid").write_text(str(os.getpid()))
    report.result("waits", {"pid": os.getpid()})
    time.sleep(seconds)
    report.result("waited", {"key": "waited", "pid": os.getpid()})


def crash(report: Reporter, *, folder: str) -> None:
    print("last words")
    os.abort()


def end_host(report: Reporter, *, folder: str) -> None:
    """Kill the process that started this one: the host."""
    report.note("ends its host")
    time.sleep(0.3)
    os.kill(os.getppid(), 9)
    time.sleep(60)
