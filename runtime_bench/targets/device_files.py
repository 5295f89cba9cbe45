"""A remote device's /proc and /sys, read in one command and described by ``device``.

The command prints each readable file after a line with its name; the copies go to a temporary
folder that ``device.describe`` and ``device.read_state`` read as if it were the root.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from runtime_bench.machine.device import RASPBERRY_PI_THROTTLED, describe, read_state
from runtime_bench.measurement import Device, DeviceState

MARKER = "=fbdeploy= "

_CPU = "/sys/devices/system/cpu/cpu[0-9]*"
IDENTITY_FILES = (
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/kernel/arch",
    "/proc/sys/kernel/osrelease",
    "/proc/device-tree/model",
    "/etc/os-release",
    "/sys/devices/soc0/machine",
    "/sys/class/dmi/id/product_name",
    f"{_CPU}/cpufreq/cpuinfo_max_freq",
)
STATE_FILES = (
    "/proc/cpuinfo",
    "/proc/loadavg",
    f"{_CPU}/cpufreq/scaling_cur_freq",
    f"{_CPU}/cpufreq/scaling_governor",
    f"{_CPU}/thermal_throttle/core_throttle_count",
    "/sys/class/thermal/thermal_zone*/type",
    "/sys/class/thermal/thermal_zone*/temp",
    "/sys/class/power_supply/battery/capacity",
    f"/{RASPBERRY_PI_THROTTLED}",
)


def script(patterns: tuple[str, ...]) -> str:
    """The shell script that prints the files; patterns that match nothing are passed over."""
    return (
        f"for f in {' '.join(patterns)}; do "
        f'[ -r "$f" ] && [ -f "$f" ] && echo "{MARKER}$f" && cat "$f" 2>/dev/null && echo; '
        "done; true"
    )


def lay_out(printed: str, root: Path) -> None:
    """Write what ``script`` printed as files below ``root``."""
    for part in printed.split(MARKER)[1:]:
        name, _, content = part.partition("\n")
        relative = Path(name.strip()).relative_to("/")
        if ".." in relative.parts:
            continue
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def describe_printed(printed: str) -> Device:
    """The device whose ``IDENTITY_FILES`` were printed."""
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
        lay_out(printed, Path(folder))
        return describe(Path(folder))


def state_printed(printed: str) -> DeviceState:
    """The state of the device whose ``STATE_FILES`` were printed."""
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
        lay_out(printed, Path(folder))
        return read_state(Path(folder))


def battery_of_dumpsys(printed: str) -> float | None:
    """Battery percent in what Android's ``dumpsys battery`` prints."""
    match = re.search(r"^\s*level: (\d+)\s*$", printed, re.MULTILINE)
    return float(match[1]) if match else None


# Android's thermal status (frameworks/base, Temperature.aidl): from SEVERE on, clocks are held.
THROTTLING_STATUS = 3


def throttled_of_dumpsys(printed: str) -> bool | None:
    """Whether ``dumpsys thermalservice`` says that the device is throttled now."""
    match = re.search(r"^\s*Thermal Status: (\d+)\s*$", printed, re.MULTILINE)
    return int(match[1]) >= THROTTLING_STATUS if match else None
