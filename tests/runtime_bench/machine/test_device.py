from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime_bench.machine.device import (
    RASPBERRY_PI_THROTTLED,
    changes,
    describe,
    read_state,
    require_cool,
    wait_until_cool,
)
from runtime_bench.measurement import DeviceState
from zoo.errors import InputError


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _phone(root: Path) -> None:
    little = "BogoMIPS: 38.40\nFeatures : fp asimd asimddp\nCPU architecture: 8\nCPU part : 0xd05\n"
    big = "BogoMIPS: 38.40\nFeatures : fp asimd asimddp\nCPU architecture: 8\nCPU part : 0xd0b\n"
    cpus = [f"processor : {n}\n{little if n < 6 else big}" for n in range(8)]
    _write(
        root,
        {
            "proc/cpuinfo": "\n".join(cpus) + "\nHardware : Some SoC\n",
            "proc/meminfo": "MemTotal:        3800000 kB\nMemFree: 1 kB\n",
            "proc/loadavg": "2.50 1.00 0.50 1/100 1234\n",
            "proc/device-tree/model": "A Phone\0",
            "proc/sys/kernel/osrelease": "5.4.0\n",
            "sys/class/thermal/thermal_zone0/temp": "41500\n",
            "sys/class/thermal/thermal_zone0/type": "cpu\n",
            "sys/class/thermal/thermal_zone1/temp": "38000\n",
            "sys/class/thermal/thermal_zone1/type": "cpu\n",
            "sys/class/thermal/thermal_zone2/temp": "n/a\n",
            "sys/class/power_supply/battery/capacity": "87\n",
            "etc/os-release": 'NAME=x\nPRETTY_NAME="Some Linux 1"\n',
        },
    )
    for number in range(8):
        folder = f"sys/devices/system/cpu/cpu{number}"
        _write(
            root,
            {
                f"{folder}/cpufreq/cpuinfo_max_freq": "1800000\n" if number < 6 else "2200000\n",
                f"{folder}/cpufreq/scaling_cur_freq": "600000\n",
                f"{folder}/cpufreq/scaling_governor": "schedutil\n",
            },
        )


def test_phone(tmp_path: Path) -> None:
    _phone(tmp_path)
    device = describe(tmp_path)
    assert device.name == "A Phone"
    assert device.cpu == "6x Cortex-A55 + 2x Cortex-A76"
    assert device.architecture == "aarch64"
    assert device.isa == ("asimd", "asimddp")
    assert device.cores == 8
    assert device.maximum_mhz == (1800.0,) * 6 + (2200.0,) * 2
    assert device.memory_bytes == 3_800_000 * 1024
    assert (device.os, device.kernel) == ("Some Linux 1", "5.4.0")
    state = read_state(tmp_path)
    assert state.governors == ("schedutil",) * 8
    assert state.current_mhz == (600.0,) * 8
    assert state.temperatures == {"cpu": 41.5, "cpu (thermal_zone1)": 38.0}
    assert state.load_average == 2.5
    assert state.battery_percent == 87
    assert state.throttle_events is None


def test_server(tmp_path: Path) -> None:
    cpu = (
        "processor : {}\nmodel name : Some CPU\ncpu MHz : 2500.5\nflags : fpu lm avx2 hypervisor\n"
    )
    _write(
        tmp_path,
        {
            "proc/cpuinfo": "\n".join(cpu.format(n) for n in range(2)),
            "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3",
            "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4",
        },
    )
    device = describe(tmp_path)
    assert (device.name, device.cpu, device.architecture) == ("Some CPU", "Some CPU", "x86_64")
    assert device.isa == ("avx2",)
    assert device.virtualized is True
    state = read_state(tmp_path)
    assert state.current_mhz == (2500.5, 2500.5)
    assert state.throttle_events == 7


def test_silent_machine(tmp_path: Path) -> None:
    device = describe(tmp_path)
    assert (device.name, device.cores, device.memory_bytes) == ("unknown machine", 1, None)
    assert read_state(tmp_path) == DeviceState()


def test_this_machine() -> None:
    device = describe()
    assert device.cores == os.cpu_count()
    assert device.memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert device.architecture == os.uname().machine
    assert device.kernel == os.uname().release


def test_changes() -> None:
    before = DeviceState(governors=("performance",), throttle_events=2)
    assert changes(before, before) == ()
    after = DeviceState(governors=("powersave",), throttle_events=5, throttled=True)
    assert changes(before, after) == (
        "the device says that it is throttled",
        "the processor throttled 3 times",
        "the frequency governor was changed",
    )


def test_waiting_for_a_cool_device() -> None:
    readings = iter([50.0, 45.0, 39.0])
    slept: list[float] = []
    cool = wait_until_cool(
        40.0,
        read=lambda: DeviceState(temperatures={"cpu": next(readings)}),
        sleep=slept.append,
    )
    assert cool
    assert slept == [1.0, 1.0]
    hot = DeviceState(temperatures={"cpu": 90.0})
    assert not wait_until_cool(40.0, timeout=3.0, read=lambda: hot, sleep=slept.append)
    assert wait_until_cool(40.0, read=DeviceState, sleep=slept.append)


def test_a_raspberry_pi_tells_that_it_is_throttled(tmp_path: Path) -> None:
    told = {"0": False, "50005": True, "80000": False, "0x4": True, "": None}
    for text, throttled in told.items():
        _write(tmp_path, {RASPBERRY_PI_THROTTLED: text + "\n"})
        assert read_state(tmp_path).throttled is throttled


def test_a_device_that_stays_warm_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime_bench.machine.device.COOL_DOWN_SECONDS", 0.0)
    hot = DeviceState(temperatures={"cpu": 90.0})
    with pytest.raises(InputError, match=r"phone: still warmer than 40 °C after 0 minutes; let"):
        require_cool("phone", 40.0, lambda: hot)
    require_cool("phone", 91.0, lambda: hot)
    require_cool("phone", None, lambda: hot)
