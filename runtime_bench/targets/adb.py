"""``adb://serial``: an Android device, as the shell user, below /data/local/tmp."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from runtime_bench.measurement import Device, DeviceState
from runtime_bench.targets.address import AdbAddress
from runtime_bench.targets.base import CommandResult, TargetError
from runtime_bench.targets.device_files import (
    STATE_FILES,
    battery_of_dumpsys,
    script,
    state_printed,
    throttled_of_dumpsys,
)
from runtime_bench.targets.shell import ShellTarget

WORK_ROOT = "/data/local/tmp"  # the only folder where Android's shell user may run programs
STATE_TIMEOUT = 20.0

# What a user does about each state that `adb devices` shows.
STATES = {
    "unauthorized": "allow USB debugging in the dialogue on its screen",
    "offline": "plug it in again, or adb reconnect",
    "no permissions": "add a udev rule (Debian: apt-get install android-sdk-platform-tools-common)",
    "recovery": "boot it into Android",
    "sideload": "boot it into Android",
    "bootloader": "boot it into Android",
    "authorizing": "wait a moment and try again",
}


@dataclass(frozen=True)
class AdbDevice:
    """A line of ``adb devices``."""

    serial: str
    state: str


def adb_devices() -> list[AdbDevice]:
    """The devices that adb sees, in any state. Starts adb's server if it does not run.

    Raises:
        TargetError: adb is not installed or does not answer.
    """
    try:
        done = subprocess.run(
            ["adb", "devices"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STATE_TIMEOUT,
        )
    except FileNotFoundError:
        raise TargetError("adb: not found; install it (Debian: apt-get install adb)") from None
    except subprocess.TimeoutExpired:
        raise TargetError("adb: its server does not answer; run adb kill-server") from None
    devices = []
    for line in done.stdout.splitlines():
        # Tab-separated, so a serial may hold spaces; what follows "no permissions" is an advice.
        serial, tab, state = line.partition("\t")
        if tab and serial:
            devices.append(AdbDevice(serial, state.partition(" (")[0].partition(";")[0].strip()))
    return devices


class AdbTarget(ShellTarget):
    """An Android device. Every call names its serial, so that no other device is touched."""

    client_package = "adb"

    def __init__(self, name: str, address: AdbAddress) -> None:
        super().__init__(name, WORK_ROOT)
        self._serial = address.serial

    def _client(self, shell_script: str) -> list[str]:
        return ["adb", "-s", self._serial, "shell", "-T", shell_script]

    def _push(self, source: Path, destination: str) -> CommandResult:
        command = ["adb", "-s", self._serial, "push", str(source.absolute()), destination]
        return self._spawn(command, self._push_timeout(source))

    def _connection_problem(self, result: CommandResult) -> TargetError | None:
        """Ask adb: a command's own code cannot be told from that of a broken connection."""
        devices = adb_devices()
        state = next((d.state for d in devices if d.serial == self._serial), None)
        if state == "device":
            return None
        if state is None:
            others = ", ".join(d.serial for d in devices) or "none"
            return TargetError(
                f"{self._name}: no such device; adb sees: {others} "
                "(check the cable and that USB debugging is on)"
            )
        remedy = STATES.get(state, "look at its screen")
        return TargetError(f"{self._name}: the device is {state}; {remedy}")

    def device(self) -> Device:
        """See ``Target.device``; the model and Android version come from ``getprop``."""
        device = super().device()
        properties = {
            key: self._shell(f"getprop {name}").stdout.strip()
            for key, name in (
                ("brand", "ro.product.brand"),
                ("model", "ro.product.model"),
                ("soc", "ro.soc.model"),
                ("release", "ro.build.version.release"),
            )
        }
        name = " ".join(part for part in (properties["brand"], properties["model"]) if part)
        system = f"Android {properties['release']}" if properties["release"] else device.os
        return device.model_copy(
            update={
                "name": name or device.name,
                "soc": properties["soc"] or device.soc,
                "os": system,
            }
        )

    def device_state(self) -> DeviceState:
        """See ``Target.device_state``; battery and throttling come from ``dumpsys``."""
        state = state_printed(self._shell(script(STATE_FILES)).stdout)
        battery = battery_of_dumpsys(self._shell("dumpsys battery 2>/dev/null").stdout)
        throttled = throttled_of_dumpsys(self._shell("dumpsys thermalservice 2>/dev/null").stdout)
        return state.model_copy(
            update={
                "battery_percent": state.battery_percent if battery is None else battery,
                "throttled": throttled,
            }
        )
