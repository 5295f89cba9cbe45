"""What every target offers: a work folder on a device, commands run in it, what the device says."""

from __future__ import annotations

import queue
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runtime_bench.measurement import Device, DeviceState
from zoo.errors import InputError

COMMAND_TIMEOUT = 120.0  # seconds that a command of the harness itself may take
CLOSE_TIMEOUT = 10.0


class TargetError(InputError):
    """The device cannot do what was asked: unreachable, full, of another architecture, ..."""


class TargetLost(TargetError):
    """The device was there and is gone; what was measured so far is kept, and --resume goes on."""


@dataclass(frozen=True)
class CommandResult:
    """How a command on the device ended."""

    returncode: int
    stdout: str
    stderr: str


# Makes an error of how a process ended: its return code (None: still running) and its stderr.
Explain = Callable[[int | None, str], InputError]


class LineProcess:
    """A running process that is spoken to in lines; how a runner is driven."""

    def __init__(
        self,
        command: Sequence[str],
        explain: Explain,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start ``command`` here; ``explain`` says what it means when it ends by itself."""
        self._explain = explain
        # A file, not a pipe, so that a chatty program cannot block on a full pipe.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            bufsize=1,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\r\n"))
        self._lines.put(None)

    def send(self, line: str) -> None:
        """Write one line to its stdin.

        Raises:
            InputError: the process has ended (``TargetLost`` if the device is gone).
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def read_line(self, timeout: float) -> str:
        """The next line of its stdout.

        Raises:
            InputError: the process has ended, or said nothing for ``timeout`` seconds.
        """
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            self.kill()
            raise self._explain(None, f"no answer for {timeout:.0f} s") from None
        if line is None:
            raise self._ended()
        return line

    def _ended(self) -> InputError:
        try:
            code: int | None = self._process.wait(CLOSE_TIMEOUT)
        except subprocess.TimeoutExpired:
            code = None
        self._stderr.seek(0)
        return self._explain(code, self._stderr.read().decode(errors="replace"))

    def kill(self) -> None:
        """End the process here; the program on the device ends with its stdin."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End its stdin and wait for it to finish; never raises."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(CLOSE_TIMEOUT)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()
        self._stderr.close()


class Target(Protocol):
    """A device with a work folder of its own; names of files are relative to that folder."""

    @property
    def name(self) -> str:
        """The target string it was opened by."""

    def architecture(self) -> str:
        """The machine as ``uname -m`` says it: ``aarch64``, ``x86_64``."""

    def stage(self, files: Mapping[str, Path]) -> None:
        """Put files into the work folder: name there -> file here. Unchanged ones are not sent.

        Raises:
            TargetError: no room, or the device is gone; a half-sent file is removed.
        """

    def run(self, argv: Sequence[str], timeout: float = COMMAND_TIMEOUT) -> CommandResult:
        """Run a command in the work folder and wait for it (seconds).

        Raises:
            TargetError: the device is gone or the command takes longer.
        """

    def start(self, argv: Sequence[str]) -> LineProcess:
        """Start a command in the work folder that is spoken to in lines."""

    def fetch(self, name: str, to: Path) -> None:
        """Copy a file of the work folder to this machine.

        Raises:
            TargetError: there is no such file, or the device is gone.
        """

    def python(self, module: str) -> list[str]:
        """The command of a Python on the device that can import ``module``.

        Raises:
            TargetError: there is none.
        """

    def device(self) -> Device:
        """What the device is."""

    def device_state(self) -> DeviceState:
        """Governors, clocks, temperatures, load and battery of this moment."""

    def cleanup(self) -> None:
        """Remove the work folder and end connections; never raises."""
