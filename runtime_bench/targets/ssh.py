"""``ssh://user@host[:port]``: a board with an ssh server, such as a Raspberry Pi."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runtime_bench.machine.commands import last_line
from runtime_bench.targets.address import SshAddress
from runtime_bench.targets.base import CommandResult, TargetError
from runtime_bench.targets.shell import ShellTarget

# ssh itself ends with 255; so may a remote command, which the words on stderr tell apart.
SSH_FAILED = 255
# No questions (BatchMode); one connection for all commands, kept for a minute after the last; a
# dead peer is noticed after 15 s.
OPTIONS = (
    ("BatchMode", "yes"),
    ("ConnectTimeout", "10"),
    ("ControlMaster", "auto"),
    ("ControlPersist", "60"),
    ("ServerAliveInterval", "5"),
    ("ServerAliveCountMax", "3"),
)


class SshTarget(ShellTarget):
    """A device behind an ssh server, over one shared connection with a private control socket."""

    client_package = "openssh-client"

    def __init__(
        self,
        name: str,
        address: SshAddress,
        *,
        work_root: str = "/tmp",
        options: Sequence[str] = (),
    ) -> None:
        """``options`` are added to every call of ssh, such as ``("-F", "FILE")``."""
        super().__init__(name, work_root)
        self._address = address
        # Short and private: a socket's path is at most 107 bytes, and who opens it is logged in.
        self._control = Path(tempfile.mkdtemp(prefix="fbd-"))
        self._options = list(options)

    @property
    def _base(self) -> list[str]:
        command = ["ssh", "-T", "-o", f"ControlPath={self._control}/socket"]
        for key, value in OPTIONS:
            command += ["-o", f"{key}={value}"]
        if self._address.port is not None:
            command += ["-p", str(self._address.port)]
        if self._address.user is not None:
            command += ["-l", self._address.user]
        return [*command, *self._options]

    def _client(self, shell_script: str) -> list[str]:
        # The login shell may be any; it only has to start sh.
        return [*self._base, "--", self._address.host, shlex.join(["sh", "-c", shell_script])]

    def _push(self, source: Path, destination: str) -> CommandResult:
        # Not scp: its server says only "Failure" when the disk is full.
        command = self._client("cat > " + shlex.quote(destination))
        with source.open("rb") as stream:
            return self._spawn(command, self._push_timeout(source), stdin=stream)

    def _connection_problem(self, result: CommandResult) -> TargetError | None:
        if result.returncode != SSH_FAILED:
            return None
        text = result.stderr
        where = self._name
        host = self._address.host
        if "IDENTIFICATION HAS CHANGED" in text:
            port = self._address.port
            known = host if port in (None, 22) else f"[{host}]:{port}"
            return TargetError(
                f"{where}: the host key is not the one known for it; if the device was "
                f"reinstalled, run: ssh-keygen -R {shlex.quote(known)}"
            )
        if "Host key verification failed" in text:
            return TargetError(
                f"{where}: the host key is unknown; connect once with ssh and confirm it"
            )
        if "Permission denied" in text:
            return TargetError(
                f"{where}: the login was refused; put your public key there (ssh-copy-id)"
            )
        for sign in (
            "Could not resolve",
            "Connection refused",
            "timed out",
            "No route to host",
            "Network is unreachable",
        ):
            if sign in text:
                return TargetError(
                    f"{where}: cannot be reached ({last_line(text, sign)}); "
                    "check the address and that the device is on"
                )
        broken = ("closed", "Broken pipe", "reset by peer", "not responding", "mux_client", "lost")
        if not text.strip() or any(sign in text for sign in broken):
            return TargetError(f"{where}: the connection broke; connect the device again")
        return None

    def cleanup(self) -> None:
        """See ``Target.cleanup``."""
        super().cleanup()
        command = [*self._base, "-O", "exit", "--", self._address.host]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        shutil.rmtree(self._control, ignore_errors=True)
