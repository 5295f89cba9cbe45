"""Runs a command in this process, which a hundred commands need to be quick."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest

from fbdeploy.cli.app import run


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line of a command that was refused."""
        assert self.code == 2, (self.code, self.out, self.err)
        (line,) = self.err.splitlines()
        assert line.startswith("fbdeploy: ") and len(line) <= 300 and line.isprintable(), line
        return line.removeprefix("fbdeploy: ")


def command(capfd: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """Run ``fbdeploy`` with the arguments."""
    capfd.readouterr()
    before = signal.getsignal(signal.SIGTERM)
    try:
        code = run([str(one) for one in arguments])
    finally:
        signal.signal(signal.SIGTERM, before)
    out, err = capfd.readouterr()
    return Ran(code, out, err)
