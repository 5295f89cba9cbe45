"""What the machine says about itself in ``/proc`` and ``/sys``.

Every reader takes the root folder, so that a copied tree of another machine can be described too.
What a machine does not tell stays empty: containers and virtual machines hide most of ``/sys``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from runtime_bench.measurement import Device, DeviceState
from zoo.errors import InputError

ROOT = Path("/")
# Flags by which XNNPACK, MLAS and QNNPACK choose their float and int8 kernels (x86 and ARM).
KERNEL_FLAGS = frozenset(
    {
        *("sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx_vnni_int8", "avx512f"),
        *("avx512bw", "avx512vl", "avx512vbmi", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
        *("amx_tile", "amx_int8", "amx_bf16"),
        *("neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme", "sme2"),
    }
)
# What the Raspberry Pi's firmware says of itself (documentation of `vcgencmd get_throttled`), in
# hexadecimal: the lowest four bits are under-voltage, capped clock, throttled, too warm now.
RASPBERRY_PI_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
THROTTLED_NOW = 0xF
COOL_DOWN_SECONDS = 300.0
# Arm's MIDR part numbers (Arm CPU technical reference manuals, "Main ID Register").
ARM_PARTS = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd0d": "Cortex-A77",
    "0xd40": "Neoverse-V1",
    "0xd41": "Cortex-A78",
    "0xd44": "Cortex-X1",
    "0xd46": "Cortex-A510",
    "0xd47": "Cortex-A710",
    "0xd48": "Cortex-X2",
    "0xd49": "Neoverse-N2",
    "0xd4d": "Cortex-A715",
    "0xd4e": "Cortex-X3",
    "0xd80": "Cortex-A520",
    "0xd81": "Cortex-A720",
    "0xd82": "Cortex-X4",
}


def describe(root: Path = ROOT) -> Device:
    """The machine whose ``/proc``, ``/sys`` and ``/etc`` lie under ``root``.

    A machine is named by its board or product, else by its processor, so that results of one
    host name on another machine are not mixed up, and no host name leaks into a report.
    """
    cpuinfo = _text(root / "proc/cpuinfo")
    cpus = _cpu_folders(root)
    cores = len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)) or len(cpus) or 1
    cpu = _cpu_name(cpuinfo)
    flags = _field(cpuinfo, "flags") or _field(cpuinfo, "Features")
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    board = _text(root / "proc/device-tree/model") or _text(root / "sys/class/dmi/id/product_name")
    return Device(
        name=board or cpu or "unknown machine",
        soc=_text(root / "sys/devices/soc0/machine"),
        cpu=cpu,
        architecture=_text(root / "proc/sys/kernel/arch") or _architecture(cpuinfo),
        isa=tuple(sorted(KERNEL_FLAGS.intersection(flags.split()))),
        cores=cores,
        maximum_mhz=_megahertz(cpus, "cpufreq/cpuinfo_max_freq"),
        memory_bytes=int(memory[1]) * 1024 if memory else None,
        os=_os_name(_text(root / "etc/os-release")),
        kernel=_text(root / "proc/sys/kernel/osrelease"),
        virtualized="hypervisor" in flags.split() if flags else None,
    )


def read_state(root: Path = ROOT) -> DeviceState:
    """Governors, frequencies, temperatures, load and throttling of this moment."""
    cpus = _cpu_folders(root)
    frequencies = _megahertz(cpus, "cpufreq/scaling_cur_freq")
    if not frequencies:
        found = re.findall(r"^cpu MHz\s*:\s*([\d.]+)", _text(root / "proc/cpuinfo"), re.MULTILINE)
        frequencies = tuple(float(value) for value in found)
    temperatures = {}
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        value = _text(zone / "temp")
        if re.fullmatch(r"-?\d+", value):
            kind = _text(zone / "type") or zone.name
            name = kind if kind not in temperatures else f"{kind} ({zone.name})"
            temperatures[name] = int(value) / 1000
    governors = (_text(cpu / "cpufreq/scaling_governor") for cpu in cpus)
    load = _text(root / "proc/loadavg").split()
    events = [_text(cpu / "thermal_throttle/core_throttle_count") for cpu in cpus]
    counted = [int(count) for count in events if count.isdecimal()]
    battery = _text(root / "sys/class/power_supply/battery/capacity")
    return DeviceState(
        governors=tuple(governor for governor in governors if governor),
        current_mhz=frequencies,
        temperatures=temperatures,
        load_average=float(load[0]) if load else None,
        battery_percent=float(battery) if battery.isdecimal() else None,
        throttle_events=sum(counted) if counted else None,
        throttled=_throttled(_text(root / RASPBERRY_PI_THROTTLED)),
    )


def changes(before: DeviceState, after: DeviceState) -> tuple[str, ...]:
    """What happened between two states that disturbs a measurement, in words; empty if nothing."""
    found = []
    if after.throttled:
        found.append("the device says that it is throttled")
    if before.throttle_events is not None and after.throttle_events is not None:
        events = after.throttle_events - before.throttle_events
        if events > 0:
            found.append(f"the processor throttled {events} times")
    if before.governors != after.governors:
        found.append("the frequency governor was changed")
    return tuple(found)


def wait_until_cool(
    limit: float,
    *,
    timeout: float = 120.0,
    read: Callable[[], DeviceState] = read_state,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Wait until all thermal zones are below ``limit`` degrees Celsius, ``timeout`` s at most.

    Returns:
        Whether it is; True at once on a machine that shows no temperature.
    """
    waited = 0.0
    while max(read().temperatures.values(), default=limit - 1) >= limit:
        if waited >= timeout:
            return False
        sleep(1.0)
        waited += 1.0
    return True


def require_cool(name: str, limit: float | None, read: Callable[[], DeviceState]) -> None:
    """Wait until the device ``name`` is below ``limit`` degrees Celsius; None waits for nothing.

    Raises:
        InputError: it is still warmer after five minutes.
    """
    if limit is not None and not wait_until_cool(limit, timeout=COOL_DOWN_SECONDS, read=read):
        raise InputError(
            f"{name}: still warmer than {limit:g} °C after {COOL_DOWN_SECONDS / 60:.0f} minutes; "
            "let it cool and resume"
        )


def _throttled(firmware: str) -> bool | None:
    try:
        return bool(int(firmware, 16) & THROTTLED_NOW)
    except ValueError:
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n\t")
    except OSError:
        return ""


def _field(cpuinfo: str, name: str) -> str:
    match = re.search(rf"^{re.escape(name)}\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return match[1].strip() if match else ""


def _cpu_folders(root: Path) -> list[Path]:
    folders = (root / "sys/devices/system/cpu").glob("cpu[0-9]*")
    return sorted(folders, key=lambda folder: int(folder.name.removeprefix("cpu")))


def _megahertz(cpus: list[Path], name: str) -> tuple[float, ...]:
    values = (_text(cpu / name) for cpu in cpus)
    return tuple(int(value) / 1000 for value in values if value.isdecimal())


def _cpu_name(cpuinfo: str) -> str:
    parts = re.findall(r"^CPU part\s*:\s*(\S+)", cpuinfo, re.MULTILINE)
    if not parts:
        return _field(cpuinfo, "model name") or _field(cpuinfo, "Hardware")
    # A phone has clusters of different cores: "4x Cortex-A55 + 4x Cortex-A76".
    names = [ARM_PARTS.get(part.lower(), f"Arm part {part}") for part in parts]
    return " + ".join(f"{names.count(name)}x {name}" for name in dict.fromkeys(names))


def _architecture(cpuinfo: str) -> str:
    if "CPU architecture" in cpuinfo:
        return "aarch64" if "asimd" in cpuinfo else "armv7l"
    return "x86_64" if re.search(r"\blm\b", _field(cpuinfo, "flags")) else ""


def _os_name(release: str) -> str:
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)"?', release, re.MULTILINE)
    return match[1] if match else ""
