"""What hosts do in tests: jobs of a moment, and jobs that last until they are ended."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pydantic import Field

from fbdeploy.pipeline.workers.jobs import Reporter
from zoo.documents import Schema


class Data(Schema):
    data: str
    identities: dict[str, str] = Field(default_factory=dict)


class Asked(Schema):
    folder: Path
    name: str = ""
    request: Data | None = None
    seconds: float = 0


class Made(Schema):
    key: str
    path: str


class Begun(Schema):
    key: str
    pid: int


class Waits(Schema):
    pid: int


class Waited(Schema):
    key: str


def copy(report: Reporter, asked: Asked) -> None:
    """Write what ``request.data``'s files hold, one after another, to a file of that name."""
    assert asked.request is not None
    data = Path(asked.request.data)
    print(f"copying {asked.name}")
    text = "".join(p.read_text() for p in sorted(data.rglob("*")) if p.is_file())
    (asked.folder / "made").mkdir(exist_ok=True)
    (asked.folder / "made" / asked.name).write_text(text)
    report.note(f"made of {asked.request.data}")
    report.result(Made(key=asked.name, path=f"{asked.folder}/made/{asked.name}"))


def wait(report: Reporter, asked: Asked) -> None:
    """Hand over one thing, then wait so long; a second start, which finds what the first has left,
    does not wait."""
    again = (asked.folder / "pid").exists()
    report.result(Begun(key="begun", pid=os.getpid()))
    (asked.folder / "pid").write_text(str(os.getpid()))
    report.result(Waits(pid=os.getpid()))
    time.sleep(0 if again else asked.seconds)
    report.result(Waited(key="waited"))


def crash(report: Reporter, asked: Asked) -> None:
    """Die in the middle."""
    print("last words")
    os.abort()


def end_host(report: Reporter, asked: Asked) -> None:
    """Kill the process that started this one: the host."""
    report.note("ends its host")
    time.sleep(0.3)
    os.kill(os.getppid(), 9)
    time.sleep(60)


def slow(report: Reporter, asked: Asked) -> None:
    """Begin, last so long, and write a file of that name."""
    report.result(Waits(pid=os.getpid()))
    time.sleep(asked.seconds)
    (asked.folder / "made").mkdir(exist_ok=True)
    (asked.folder / "made" / asked.name).write_text(asked.name)
    report.result(Made(key=asked.name, path=f"{asked.folder}/made/{asked.name}"))


def fill(report: Reporter, asked: Asked) -> None:
    """Write more than there is room for, a megabyte at a time."""
    with (asked.folder / "big").open("wb") as stream:
        for _ in range(64):
            stream.write(os.urandom(1 << 20))
