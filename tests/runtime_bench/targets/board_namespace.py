"""Run a command in an arm64 root folder as if on a board of its own; needs root and Linux >= 6.7.

    python board_namespace.py ROOT QEMU CPU SYS CPUINFO WORK_KIB -- COMMAND...

The command gets its own user, mount, process and host-name namespaces, with a private binfmt_misc
that runs every arm64 program through QEMU, SYS as /sys, CPUINFO as /proc/cpuinfo and a file system
of WORK_KIB KiB on /data/local/tmp and on /tmp. Nothing outside changes; everything ends with this
process.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x4000000, 0x10000000, 0x20000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
MAGIC = rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
IDS = 65536

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def mount(source: str, target: Path | str, kind: str = "", flags: int = 0, data: str = "") -> None:
    arguments = (source.encode(), str(target).encode(), kind.encode())
    check(libc.mount(*arguments, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


def enter(root: Path, qemu: str, sys_folder: str, cpuinfo: str, work_kib: str) -> None:
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount("proc", root / "proc", "proc")
    binfmt = root / "proc/sys/fs/binfmt_misc"
    mount("binfmt_misc", binfmt, "binfmt_misc")
    # F: QEMU is opened now, so that it need not be in the root; P: programs see their own argv[0].
    rule = b":arm64:M::" + MAGIC + b":" + MASK + b":" + qemu.encode() + b":FP"
    (binfmt / "register").write_bytes(rule)
    mount("/dev", root / "dev", flags=MS_BIND | MS_REC)
    mount(sys_folder, root / "sys", flags=MS_BIND)
    mount(cpuinfo, root / "proc/cpuinfo", flags=MS_BIND)
    for folder in ("data/local/tmp", "tmp"):
        mount("work", root / folder, "tmpfs", data=f"size={work_kib}k,mode=1777")
    check(libc.sethostname(b"board", 5), "sethostname")
    os.chroot(root)
    os.chdir("/")


def main() -> int:
    root, qemu, cpu, sys_folder, cpuinfo, work_kib = sys.argv[1:7]
    command = sys.argv[8:]
    ready_read, ready_write = os.pipe()
    mapped_read, mapped_write = os.pipe()
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        check(libc.unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS), "unshare")
        os.write(ready_write, b"x")
        os.read(mapped_read, 1)
        os.setuid(0)
        os.setgid(0)
        first = os.fork()  # the first process of the new process namespace
        if first:
            _, status = os.waitpid(first, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        enter(Path(root), qemu, sys_folder, cpuinfo, work_kib)
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": path, "HOME": "/root", "TERM": "dumb", "QEMU_CPU": cpu}
        os.execve(command[0], command, environment)
    os.read(ready_read, 1)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: os.kill(child, signal.SIGKILL))
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{child}/{name}").write_text(f"0 0 {IDS}")
    os.write(mapped_write, b"x")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
