"""A device reached through a client program that runs a shell script on it: ssh and adb alike."""

from __future__ import annotations

import re
import secrets
import shlex
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from runtime_bench.machine.commands import last_line
from runtime_bench.measurement import Device, DeviceState
from runtime_bench.targets.base import (
    COMMAND_TIMEOUT,
    CommandResult,
    LineProcess,
    TargetError,
    TargetLost,
)
from runtime_bench.targets.device_files import (
    IDENTITY_FILES,
    STATE_FILES,
    describe_printed,
    script,
    state_printed,
)
from zoo.errors import InputError
from zoo.files import atomic_file, sha256_of

# The slowest link that is still waited for, in bytes a second.
SLOWEST_LINK = 200_000
PROBE_TIMEOUT = 30.0  # seconds; ssh gives a dead peer up within 15


class ShellTarget(ABC):
    """The part of a remote target that does not depend on the client program.

    ``client_package`` is the Debian package that brings that program.
    """

    client_package: ClassVar[str]

    def __init__(self, name: str, work_root: str) -> None:
        """``work_root`` is the folder on the device in which the work folder is made."""
        self._name = name
        self._work = f"{work_root}/fbdeploy-{secrets.token_hex(4)}"
        self._made = False
        self._staged: dict[str, str] = {}

    # -- what a client program must supply

    @abstractmethod
    def _client(self, shell_script: str) -> list[str]:
        """The command here that runs a script in the device's shell."""

    @abstractmethod
    def _push(self, source: Path, destination: str) -> CommandResult:
        """Copy a file to an absolute path on the device."""

    @abstractmethod
    def _connection_problem(self, result: CommandResult) -> TargetError | None:
        """Why the device cannot be reached, if that is what ``result`` means."""

    # -- the protocol of base.Target

    @property
    def name(self) -> str:
        """The target string."""
        return self._name

    @property
    def work_folder(self) -> str:
        """The work folder's absolute path on the device."""
        return self._work

    def architecture(self) -> str:
        """See ``Target.architecture``."""
        return self._shell("uname -m").stdout.strip()

    def stage(self, files: Mapping[str, Path]) -> None:
        """See ``Target.stage``; every file's SHA-256 is checked on the device."""
        digests = {name: sha256_of(path) for name, path in files.items()}
        fresh = {n: p for n, p in files.items() if self._staged.get(n) != digests[n]}
        if not fresh:
            return
        for name in fresh:
            if name.startswith("/") or ".." in name.split("/"):
                raise InputError(f"{name}: a staged file must lie inside the work folder")
        folders = sorted({self._path(name).rpartition("/")[0] for name in fresh})
        made = self._shell("mkdir -p " + shlex.join(folders))
        if made.returncode:
            raise TargetError(
                f"{self._name}: cannot make {self._work} "
                f"({last_line(made.stderr, 'no reason given')}); free or remount the device's disk"
            )
        self._made = True
        for name, path in fresh.items():
            result = self._push(path, self._path(name))
            if result.returncode:
                raise self._push_problem(name, path, result)
        self._verify(fresh, digests)
        programs = [self._path(n) for n, p in fresh.items() if p.stat().st_mode & 0o100]
        if programs:
            self._shell("chmod 755 " + shlex.join(programs))
        self._staged.update({name: digests[name] for name in fresh})

    def run(self, argv: Sequence[str], timeout: float = COMMAND_TIMEOUT) -> CommandResult:
        """See ``Target.run``."""
        return self._shell(self._in_work_folder(argv), timeout)

    def start(self, argv: Sequence[str]) -> LineProcess:
        """See ``Target.start``."""

        def explain(returncode: int | None, stderr: str) -> InputError:
            result = CommandResult(255 if returncode is None else returncode, "", stderr)
            if self._connection_problem(result) is not None:
                return self._lost(last_line(stderr, "connection closed"))
            # A client that loses the device may say nothing, behind what the program said before.
            if not self._answers():
                return self._lost("no answer")
            what = last_line(stderr, f"ended with code {returncode}")
            return TargetError(f"{self._name}: {shlex.join(argv[:1])}: {what}")

        return LineProcess(self._client(self._in_work_folder(argv)), explain)

    def fetch(self, name: str, to: Path) -> None:
        """See ``Target.fetch``."""
        with atomic_file(to) as partial:
            with partial.open("wb") as stream:
                result = self._spawn(
                    self._client("cat " + shlex.quote(self._path(name))),
                    COMMAND_TIMEOUT,
                    stdout=stream,
                )
            if result.returncode:
                problem = self._connection_problem(result)
                reason = last_line(result.stderr, "cannot be read")
                raise problem or TargetError(f"{self._name}: {name}: {reason}")

    def python(self, module: str) -> list[str]:
        """See ``Target.python``."""
        if self._shell(shlex.join(["python3", "-c", f"import {module}"])).returncode:
            raise TargetError(
                f"{self._name}: no python3 there that imports {module}; install it on the device, "
                "or measure the executorch or onnx artefact, which need no Python"
            )
        return ["python3"]

    def device(self) -> Device:
        """See ``Target.device``."""
        device = describe_printed(self._shell(script(IDENTITY_FILES)).stdout)
        return device.model_copy(update={"architecture": self.architecture()})

    def device_state(self) -> DeviceState:
        """See ``Target.device_state``."""
        return state_printed(self._shell(script(STATE_FILES)).stdout)

    def cleanup(self) -> None:
        """See ``Target.cleanup``."""
        if self._made:
            try:
                self._shell("rm -rf " + shlex.quote(self._work))
            except TargetError:
                return  # the device is gone, and nothing can be removed there
            self._made = False
            self._staged.clear()

    # -- helpers

    def _answers(self) -> bool:
        """Whether the device can still be reached."""
        try:
            return self._spawn(self._client("exit 0"), PROBE_TIMEOUT).returncode == 0
        except TargetError:
            return False

    def _path(self, name: str) -> str:
        return f"{self._work}/{name}"

    def _in_work_folder(self, argv: Sequence[str]) -> str:
        return f"cd {shlex.quote(self._work)} && exec {shlex.join(argv)}"

    def _shell(self, shell_script: str, timeout: float = COMMAND_TIMEOUT) -> CommandResult:
        """Run a script; a command that fails is a result, a lost connection an error."""
        result = self._spawn(self._client(shell_script), timeout)
        if result.returncode:
            problem = self._connection_problem(result)
            if problem is not None:
                raise self._lost(last_line(result.stderr, "")) if self._made else problem
        return result

    def _spawn(
        self,
        command: Sequence[str],
        timeout: float,
        *,
        stdin: object = subprocess.DEVNULL,
        stdout: object = subprocess.PIPE,
    ) -> CommandResult:
        try:
            done = subprocess.run(
                list(command),
                stdin=stdin,  # type: ignore[call-overload]
                stdout=stdout,
                stderr=subprocess.PIPE,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise TargetError(
                f"{self._name}: no answer within {timeout:.0f} s; look at the device, then resume"
            ) from None
        except FileNotFoundError:
            raise TargetError(
                f"{self._name}: {command[0]} is not installed here; install it "
                f"(Debian: apt-get install {self.client_package})"
            ) from None
        text = (done.stdout or b"").decode(errors="replace")
        return CommandResult(done.returncode, text, done.stderr.decode(errors="replace"))

    def _lost(self, detail: str) -> TargetLost:
        said = f" ({detail})" if detail else ""
        return TargetLost(
            f"{self._name}: the device is gone{said}; connect it again and resume, "
            "finished measurements are kept"
        )

    def _push_timeout(self, path: Path) -> float:
        return COMMAND_TIMEOUT + path.stat().st_size / SLOWEST_LINK

    def _push_problem(self, name: str, path: Path, result: CommandResult) -> TargetError:
        problem = self._connection_problem(result)
        if problem is not None:
            return self._lost(last_line(result.stderr, ""))
        self._shell("rm -f " + shlex.quote(self._path(name)))
        free = self._free_kib()
        needed = path.stat().st_size // 1024 + 1
        output = result.stderr + result.stdout
        if "No space left" in output or (free is not None and free < needed):
            has = "is full" if free is None else f"has {free / 1024:.1f} MiB free"
            return TargetError(
                f"{self._name}: the disk of {self._work} {has}, {name} needs "
                f"{needed / 1024:.1f} MiB; free space on the device and resume"
            )
        return TargetError(
            f"{self._name}: {name} cannot be sent ({last_line(output, 'no reason given')}); "
            "check that the folder on the device can be written"
        )

    def _free_kib(self) -> int | None:
        lines = self._shell("df -k " + shlex.quote(self._work)).stdout.splitlines()
        # Filesystem, blocks, used, available, ...; a long device name moves them to a line of
        # their own.
        numbers = re.findall(r"\s(\d+)", " ".join(lines[1:]))
        return int(numbers[2]) if len(numbers) >= 3 else None

    def _verify(self, files: Mapping[str, Path], digests: Mapping[str, str]) -> None:
        names = list(files)
        command = "sha256sum " + shlex.join([self._path(name) for name in names])
        result = self._shell(command, COMMAND_TIMEOUT)
        found = [line.lstrip("\\")[:64] for line in result.stdout.splitlines()]
        if result.returncode or len(found) != len(names):
            raise TargetError(
                f"{self._name}: the sent files cannot be checked "
                f"({last_line(result.stderr, 'no sha256sum on the device')})"
            )
        for name, digest in zip(names, found, strict=True):
            if digest != digests[name]:
                raise TargetError(
                    f"{self._name}: {name} arrived damaged; check the connection and the device's "
                    "free space, then try again"
                )
