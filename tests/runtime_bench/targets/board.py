"""An arm64 board on loopback in a network of its own, with real adbd and sshd, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from runtime_bench.emulation.cores import find_core
from runtime_bench.emulation.debian import DebianArchive

HERE = Path(__file__).parent
RELEASE = "trixie"  # bookworm has no adbd
PACKAGES = ("adbd", "openssh-server", "dash", "coreutils", "util-linux", "libstdc++6")
CORE = "cortex-a76"
ADB_PORT, SSH_PORT = 5555, 2222
SERIAL = f"127.0.0.1:{ADB_PORT}"
WORK_KIB = 256 * 1024
START_SECONDS = 60.0

STUBS = {
    "getprop": """case $1 in
ro.product.brand) echo Fairbank;; ro.product.model) echo "Phone 'X' 2";;
ro.soc.model) echo SM0000;; ro.build.version.release) echo 16;; esac""",
    "dumpsys": """case $1 in
battery) printf 'Current Battery Service state:\\n  level: 81\\n  temperature: 305\\n';;
thermalservice) printf 'IsStatusOverride: false\\nThermal Status: %s\\n' "$(cat /sys/status)";;
esac""",
}
ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n"
    "shell:x:2000:2000::/:/bin/sh\n",
    "group": "root:x:0:\nnogroup:x:65534:\nshell:x:2000:\n",
    "shadow": "root:*:19000::::::\nshell:*:19000::::::\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "os-release": 'PRETTY_NAME="Board OS 1"\n',
}
SSHD_CONFIG = f"""Port {SSH_PORT}
ListenAddress 127.0.0.1
HostKey /etc/ssh/host_key
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
PidFile none
SetEnv QEMU_CPU={find_core(CORE).qemu_cpu}
"""


def make_image(cache: Path) -> Path:
    """The board's root folder with its packages, made once in the cache."""
    image = cache.absolute() / f"board-{RELEASE}"
    if not image.exists():
        archive = DebianArchive(RELEASE, "arm64", cache / f"apt-{RELEASE}-arm64")
        archive.update()
        archive.unpack(archive.with_dependencies(PACKAGES), image)
    return image


def make_sys(folder: Path) -> Path:
    """A big.LITTLE phone's /sys: two cores with clocks and two thermal zones."""
    files = {"status": "0", "class/thermal/thermal_zone0/type": "cpu-big"}
    files["class/thermal/thermal_zone0/temp"] = "41000"
    files["class/thermal/thermal_zone1/type"] = "battery"
    files["class/thermal/thermal_zone1/temp"] = "30500"
    for index, (maximum, capacity) in enumerate(((1766400, 325), (2841600, 1024))):
        cpu = f"devices/system/cpu/cpu{index}"
        files[f"{cpu}/cpufreq/cpuinfo_max_freq"] = str(maximum)
        files[f"{cpu}/cpufreq/scaling_cur_freq"] = str(maximum)
        files[f"{cpu}/cpufreq/scaling_governor"] = "schedutil"
        files[f"{cpu}/cpu_capacity"] = str(capacity)
    for name in ("possible", "present", "online"):
        files[f"devices/system/cpu/{name}"] = "0-1"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return folder


class Network:
    """A network namespace with nothing but loopback, and client programs that run inside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 3600"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout is not None and self.holder.stdout.readline() == "up\n"
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        self.programs = folder / "programs"
        self.programs.mkdir()
        home = folder / "home"
        home.mkdir()
        for name in ("adb", "ssh"):
            real = shutil.which(name)
            # adb's server would look for emulators on the ports that adbd listens on.
            text = (
                f"#!/bin/sh\nHOME='{home}' ADB_LOCAL_TRANSPORT_MAX_PORT=5553 "
                f'exec {" ".join(self.enter)} {real} "$@"\n'
            )
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)
        self.home = home

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program inside."""
        environment = {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)

    def listens(self, port: int) -> bool:
        """Whether a server listens on the port."""
        table = Path(f"/proc/{self.holder.pid}/net/tcp").read_text()
        table += Path(f"/proc/{self.holder.pid}/net/tcp6").read_text()
        return any(
            line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
            for line in table.splitlines()
            if ":" in line and not line.lstrip().startswith("sl")
        )

    def close(self) -> None:
        """End adb's server and the namespace."""
        self.run("adb", "kill-server")
        self.holder.kill()
        self.holder.wait()


class Board:
    """A started board; ``stop`` is pulling its plug."""

    def __init__(self, network: Network, image: Path, folder: Path) -> None:
        self.network, self.image = network, image
        self.sys = make_sys(folder / "sys")
        self.cpuinfo = folder / "cpuinfo"
        self.cpuinfo.write_text(find_core(CORE).cpuinfo())
        self.log = folder / "board.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._furnish()

    def _furnish(self) -> None:
        root = self.image
        folders = (
            "proc",
            "sys",
            "dev",
            "tmp",
            "run/sshd",
            "data/local/tmp",
            "root/.ssh",
            "etc/ssh",
        )
        for folder in (*folders, "usr/local/bin", "var/empty"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for folder, mode in (("root", 0o700), ("root/.ssh", 0o700), ("run/sshd", 0o755)):
            (root / folder).chmod(mode)
        root.chmod(0o755)
        if not (root / "bin/sh").exists():
            (root / "bin/sh").symlink_to("dash")
        for name, text in ACCOUNTS.items():
            (root / "etc" / name).unlink(missing_ok=True)
            (root / "etc" / name).write_text(text)
        for name, text in STUBS.items():
            stub = root / "usr/local/bin" / name
            stub.write_text(f"#!/bin/sh\n{text}\n")
            stub.chmod(0o755)
        (root / "etc/ssh/config").write_text(SSHD_CONFIG)
        self.new_host_key()

    def new_host_key(self) -> None:
        """Give the board another identity, as a reinstalled one has."""
        key = self.image / "etc/ssh/host_key"
        key.unlink(missing_ok=True)
        key.with_suffix(".pub").unlink(missing_ok=True)
        make_key(key)

    def authorize(self, public_key: Path) -> None:
        """Let the owner of a key log in as root."""
        allowed = self.image / "root/.ssh/authorized_keys"
        allowed.write_text(public_key.read_text())
        allowed.chmod(0o600)

    def start(self, command: Sequence[str], port: int, work_kib: int = WORK_KIB) -> None:
        """Start a server and wait until it listens."""
        core = find_core(CORE)
        # Static: the board has no x86 loader and libraries.
        qemu = shutil.which("qemu-aarch64-static")
        assert qemu is not None
        arguments = [str(self.image), qemu, core.qemu_cpu, str(self.sys), str(self.cpuinfo)]
        self.process = subprocess.Popen(
            [
                *self.network.enter,
                sys.executable,
                str(HERE / "board_namespace.py"),
                *arguments,
                str(work_kib),
                "--",
                *command,
            ],
            stdin=subprocess.DEVNULL,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
        )
        self._wait(port)

    def start_adbd(self, work_kib: int = WORK_KIB) -> None:
        """Start as a phone and connect adb to it."""
        self.start(["/usr/sbin/adbd"], ADB_PORT, work_kib)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.network.run("adb", "connect", SERIAL)
            state = self.network.run("adb", "-s", SERIAL, "get-state")
            if state.stdout.strip() == "device":
                return
            time.sleep(0.2)
        raise RuntimeError(f"adb does not reach the board: {self.log.read_text()[-500:]}")

    def start_sshd(self, work_kib: int = WORK_KIB) -> None:
        """Start as a board with an ssh server."""
        self.start(["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/config"], SSH_PORT, work_kib)

    def _wait(self, port: int) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self.network.listens(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the board did not start: {self.log.read_text()[-500:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Pull the plug."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None


def make_key(path: Path) -> None:
    """An ssh key pair without a passphrase."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=60
    )
    path.chmod(0o600)
