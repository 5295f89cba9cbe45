"""Target strings: ``local``, ``ssh://user@host[:port]``, ``adb://serial``, ``arm://core``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from runtime_bench.emulation.cores import Core, find_core
from runtime_bench.measurement import LOCAL
from zoo.errors import InputError

FORMS = "local, ssh://user@host[:port], adb://SERIAL or arm://CORE (such as arm://cortex-a76)"
MAX_PORT = 65535


@dataclass(frozen=True)
class LocalAddress:
    """This machine."""


@dataclass(frozen=True)
class SshAddress:
    """A machine with an ssh server; ``user`` and ``port`` may be left to ssh's configuration."""

    host: str
    user: str | None = None
    port: int | None = None


@dataclass(frozen=True)
class AdbAddress:
    """An Android device by the serial that ``adb devices`` shows."""

    serial: str


@dataclass(frozen=True)
class EmulatedAddress:
    """An emulated ARM core."""

    core: Core


Address = LocalAddress | SshAddress | AdbAddress | EmulatedAddress


def parse_target(text: str) -> Address:
    """What a target string names. Serials may be percent-encoded (``adb://my%20phone``).

    Raises:
        InputError: it has none of the forms, or a part of it is missing or impossible.
    """
    if text == LOCAL:
        return LocalAddress()
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SCHEMES:
        raise InputError(f"{text}: is not a target; give {FORMS}")
    return SCHEMES[scheme](text, rest)


def _arm(text: str, rest: str) -> EmulatedAddress:
    return EmulatedAddress(find_core(rest))


def _adb(text: str, rest: str) -> AdbAddress:
    serial = unquote(rest)
    if not serial.strip() or any(ord(c) < ord(" ") for c in serial):
        raise InputError(f"{text}: has no serial; give adb://SERIAL as adb devices lists it")
    return AdbAddress(serial)


def _ssh(text: str, rest: str) -> SshAddress:
    match = re.fullmatch(
        r"(?:(?P<user>[^@/\s:]+)@)?(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^@/\s:\[\]]+)(?::(?P<port>[0-9]{1,9}))?/?",
        rest,
    )
    if match is None:
        raise InputError(f"{text}: is not of the form ssh://user@host[:port]; correct it")
    user, host = match["user"], match["host"].strip("[]")
    # ssh would take a leading dash for an option.
    if host.startswith("-") or (user or "").startswith("-"):
        raise InputError(f"{text}: user and host cannot begin with a dash; correct it")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= MAX_PORT:
        raise InputError(f"{text}: port {port} is not in 1..{MAX_PORT}; correct it")
    return SshAddress(host, user, port)


SCHEMES: dict[str, Callable[[str, str], Address]] = {"ssh": _ssh, "adb": _adb, "arm": _arm}
"""What reads the whole string, and what stands behind ``://``, by what stands before."""
