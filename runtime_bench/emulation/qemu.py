"""Running AArch64 programs on an emulated core: QEMU's user mode, its plugin, the core's files."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runtime_bench.emulation.cores import CORES_SHOWN, Core
from runtime_bench.machine.cache import cache_folder
from runtime_bench.machine.commands import require_tool, run_tool
from zoo.errors import InputError
from zoo.files import atomic_file, sha256_of

PLUGIN_SOURCE = Path(__file__).with_name("instruction_counter.c")
# The plugin interface changed in QEMU 8.2 and 9; before 6 plugins could not see system calls.
PLUGIN_VERSIONS = ((6, 0), (8, 1))


@dataclass(frozen=True)
class Qemu:
    """The emulator of this machine."""

    program: str
    version: tuple[int, int]


def find_qemu() -> Qemu:
    """qemu-aarch64 with plugin support.

    Raises:
        InputError: it is missing, static (no plugins) or of a version with another interface.
    """
    program = require_tool("qemu-aarch64", "qemu-user")
    text = run_tool([program, "--version"], "qemu-aarch64")
    match = re.search(r"version (\d+)\.(\d+)", text)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    first, last = PLUGIN_VERSIONS
    if not first <= version <= last:
        raise InputError(
            f"{program}: is version {version[0]}.{version[1]}; instruction counts need "
            f"{first[0]}.{first[1]} to {last[0]}.{last[1]} (Debian 12: apt-get install qemu-user)"
        )
    options = subprocess.run([program, "-help"], capture_output=True, text=True).stdout
    if "-plugin" not in options:
        raise InputError(f"{program}: was built without plugins; apt-get install qemu-user")
    return Qemu(program, version)


def counter_plugin(cache: Path | None = None) -> Path:
    """The instruction counter as a shared library, compiled into the cache when needed.

    Raises:
        InputError: no C compiler.
    """
    folder = (cache or cache_folder()).absolute()
    library = folder / f"instruction_counter-{sha256_of(PLUGIN_SOURCE)[:12]}.so"
    if not library.exists():
        gcc = require_tool("gcc", "gcc")
        flags = ["-O2", "-fPIC", "-shared"]
        with atomic_file(library) as partial:
            run_tool([gcc, *flags, PLUGIN_SOURCE, "-o", partial], PLUGIN_SOURCE.name)
    return library


def make_root(core: Core, folder: Path, system: Path | None = None) -> Path:
    """Fill ``folder`` with what programs on ``core`` must find instead of the host's files.

    QEMU 7.2 passes absolute paths below its ``-L`` folder first; without these files a program
    would read the x86 host's /proc/cpuinfo (onnxruntime crashes on it) and clock frequencies.

    Args:
        core: the core to show.
        folder: an empty folder, or one filled before.
        system: a system (``python_system``) whose top-level folders are linked in.
    """
    if system is not None:
        for entry in system.iterdir():
            link = folder / entry.name
            if not link.is_symlink():
                link.symlink_to(entry)
    files = {
        "proc/cpuinfo": core.cpuinfo(),
        "sys/devices/system/cpu/possible": f"0-{CORES_SHOWN - 1}\n",
        "sys/devices/system/cpu/present": f"0-{CORES_SHOWN - 1}\n",
        "sys/devices/system/cpu/online": f"0-{CORES_SHOWN - 1}\n",
        "sys/devices/system/cpu/kernel_max": "7\n",
    }
    for index in range(CORES_SHOWN):
        cpu = f"sys/devices/system/cpu/cpu{index}"
        files[f"{cpu}/regs/identification/midr_el1"] = f"{core.midr():#018x}\n"
        files[f"{cpu}/topology/physical_package_id"] = "0\n"
        files[f"{cpu}/topology/core_id"] = f"{index}\n"
        files[f"{cpu}/topology/core_siblings_list"] = f"0-{CORES_SHOWN - 1}\n"
        files[f"{cpu}/topology/thread_siblings_list"] = f"{index}\n"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def qemu_command(
    qemu: Qemu,
    core: Core,
    root: Path,
    counts: Path | None,
    *,
    atomic: bool = False,
    cache: Path | None = None,
) -> list[str]:
    """The arguments in front of an AArch64 program's own.

    Args:
        qemu: the emulator.
        core: the core to emulate.
        root: a folder filled by ``make_root``.
        counts: where the instruction counter writes; None runs without it.
        atomic: the program has threads, whose counts must not get lost.
        cache: where the plugin is kept.
    """
    command = [qemu.program, "-cpu", core.qemu_cpu, "-L", str(root)]
    if counts is not None:
        if "," in str(counts):
            raise InputError(f"{counts}: QEMU's plugin options cannot hold a comma; move it")
        plugin = f"{counter_plugin(cache)},out={counts}"
        command += ["-plugin", plugin + (",atomic=1" if atomic else "")]
    return command
