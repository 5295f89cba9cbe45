"""From a target string to an open target: the table of targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from runtime_bench.targets.adb import AdbTarget
from runtime_bench.targets.address import (
    AdbAddress,
    EmulatedAddress,
    LocalAddress,
    SshAddress,
    parse_target,
)
from runtime_bench.targets.base import Target
from runtime_bench.targets.emulated import EmulatedTarget
from runtime_bench.targets.local import LocalTarget
from runtime_bench.targets.ssh import SshTarget


@contextmanager
def open_target(text: str, *, ssh_options: Sequence[str] = ()) -> Iterator[Target]:
    """The target that a string names, reached once to be sure; cleaned up after the block.

    Args:
        text: see ``address.FORMS``.
        ssh_options: further arguments of ssh.

    Raises:
        InputError: not a target string; ``TargetError``: the device cannot be reached.
    """
    target: Target
    match parse_target(text):
        case LocalAddress():
            target = LocalTarget(text)
        case SshAddress() as address:
            target = SshTarget(text, address, options=ssh_options)
        case AdbAddress() as address:
            target = AdbTarget(text, address)
        case EmulatedAddress(core):
            target = EmulatedTarget(text, core)
    try:
        target.architecture()
        yield target
    finally:
        target.cleanup()
