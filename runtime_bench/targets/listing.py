"""``fbdeploy bench --list-targets``: what is reachable from here, and why the rest is not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from runtime_bench.emulation.cores import cores
from runtime_bench.emulation.cycles import find_llvm
from runtime_bench.emulation.qemu import find_qemu
from runtime_bench.machine.device import describe
from runtime_bench.measurement import LOCAL
from runtime_bench.targets.adb import STATES, adb_devices
from runtime_bench.targets.base import TargetError
from runtime_bench.targets.opening import open_target
from zoo.errors import InputError


@dataclass(frozen=True)
class TargetStatus:
    """A target string, whether it can be used, and what it is or why not."""

    target: str
    reachable: bool
    detail: str


def list_targets(ssh: Sequence[str] = (), ssh_options: Sequence[str] = ()) -> list[TargetStatus]:
    """Everything that can be found without being told, and the given ssh targets.

    Args:
        ssh: target strings of boards to try.
        ssh_options: further arguments of ssh.
    """
    machine = describe()
    found = [TargetStatus(LOCAL, True, f"{machine.cpu or machine.name}, {machine.cores} cores")]
    found += _android()
    if not shutil.which("ssh"):
        found.append(TargetStatus("ssh://user@host", False, "ssh is not installed"))
    found += [_board(target, ssh_options) for target in ssh]
    return found + _emulated()


def _android() -> list[TargetStatus]:
    try:
        devices = adb_devices()
    except TargetError as error:
        return [TargetStatus("adb://SERIAL", False, str(error))]
    if not devices:
        return [TargetStatus("adb://SERIAL", False, "adb sees no device")]
    return [
        TargetStatus(
            "adb://" + quote(device.serial, safe=":."),
            device.state == "device",
            device.state
            if device.state == "device"
            else f"{device.state}; {STATES.get(device.state, 'look at its screen')}",
        )
        for device in devices
    ]


def _board(text: str, ssh_options: Sequence[str]) -> TargetStatus:
    try:
        with open_target(text, ssh_options=ssh_options) as target:
            device = target.device()
    except InputError as error:
        return TargetStatus(text, False, str(error).removeprefix(f"{text}: "))
    return TargetStatus(text, True, f"{device.name}, {device.cpu or device.architecture}")


def _emulated() -> list[TargetStatus]:
    try:
        qemu = find_qemu()
    except InputError as error:
        return [TargetStatus("arm://CORE", False, str(error))]
    llvm = find_llvm()
    statuses = []
    for core in cores().values():
        if core.mca_cpu is None:
            cycles = "no cycle estimate"
        elif llvm is None:
            cycles = "no cycle estimate, llvm-19 is not installed"
        else:
            trust = "checked" if core.mca_trusted else "unchecked"
            cycles = f"cycles by llvm-mca {core.mca_cpu} ({trust})"
        version = ".".join(map(str, qemu.version))
        statuses.append(TargetStatus(f"arm://{core.name}", True, f"QEMU {version}; {cycles}"))
    return statuses
