"""``local``: this machine, with the runners as processes of their own."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime_bench.machine.commands import last_line
from runtime_bench.machine.device import describe, read_state
from runtime_bench.measurement import LOCAL, Device, DeviceState
from runtime_bench.targets.base import (
    COMMAND_TIMEOUT,
    CommandResult,
    LineProcess,
    TargetError,
)
from zoo.errors import InputError
from zoo.files import atomic_file


class LocalTarget:
    """This machine; files are staged into a temporary folder."""

    def __init__(self, name: str = LOCAL) -> None:
        self._name = name
        self._work = Path(tempfile.mkdtemp(prefix="fbdeploy-"))

    @property
    def name(self) -> str:
        """The target string."""
        return self._name

    @property
    def work_folder(self) -> Path:
        """The work folder."""
        return self._work

    def architecture(self) -> str:
        """See ``Target.architecture``."""
        return platform.machine()

    def stage(self, files: Mapping[str, Path]) -> None:
        """See ``Target.stage``."""
        for name, source in files.items():
            destination = self._work / name
            if self._work not in destination.resolve().parents:
                raise InputError(f"{name}: a staged file must lie inside the work folder")
            with atomic_file(destination) as partial:
                shutil.copy(source, partial)

    def _command(self, argv: Sequence[str]) -> list[str]:
        return list(argv)

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def run(self, argv: Sequence[str], timeout: float = COMMAND_TIMEOUT) -> CommandResult:
        """See ``Target.run``."""
        try:
            done = subprocess.run(
                self._command(argv),
                cwd=self._work,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except OSError as error:
            raise TargetError(f"{self._name}: {argv[0]}: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise TargetError(f"{self._name}: {argv[0]}: no end after {timeout:.0f} s") from None
        return CommandResult(done.returncode, done.stdout, done.stderr)

    def start(self, argv: Sequence[str]) -> LineProcess:
        """See ``Target.start``."""

        def explain(returncode: int | None, stderr: str) -> InputError:
            what = last_line(stderr, f"ended with code {returncode}")
            return TargetError(f"{self._name}: {Path(argv[0]).name}: {what}")

        command = self._command(argv)
        try:
            return LineProcess(command, explain, cwd=self._work, env=self._environment())
        except OSError as error:
            raise TargetError(f"{self._name}: {argv[0]}: {error.strerror}") from error

    def fetch(self, name: str, to: Path) -> None:
        """See ``Target.fetch``."""
        source = self._work / name
        if not source.is_file():
            raise TargetError(f"{self._name}: {name}: no such file")
        with atomic_file(to) as partial:
            shutil.copyfile(source, partial)

    def python(self, module: str) -> list[str]:
        """See ``Target.python``."""
        if self.run([sys.executable, "-c", f"import {module}"]).returncode:
            raise TargetError(f"{self._name}: this Python has no {module}; pip install it")
        return [sys.executable]

    def device(self) -> Device:
        """See ``Target.device``."""
        return describe()

    def device_state(self) -> DeviceState:
        """See ``Target.device_state``."""
        return read_state()

    def cleanup(self) -> None:
        """See ``Target.cleanup``."""
        shutil.rmtree(self._work, ignore_errors=True)
