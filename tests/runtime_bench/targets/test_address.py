from __future__ import annotations

import pytest

from runtime_bench.targets.address import (
    AdbAddress,
    EmulatedAddress,
    LocalAddress,
    SshAddress,
    parse_target,
)
from zoo.errors import InputError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("local", LocalAddress()),
        ("ssh://pi@raspberrypi.local", SshAddress("raspberrypi.local", "pi")),
        ("ssh://pi@10.0.0.7:2222", SshAddress("10.0.0.7", "pi", 2222)),
        ("ssh://board", SshAddress("board")),
        ("ssh://pi@[fe80::1%eth0]:22/", SshAddress("fe80::1%eth0", "pi", 22)),
        ("adb://R58M123ABC", AdbAddress("R58M123ABC")),
        ("adb://192.168.1.5:5555", AdbAddress("192.168.1.5:5555")),
        ('adb://my phone\'s "serial"', AdbAddress('my phone\'s "serial"')),
        ("adb://my%20phone", AdbAddress("my phone")),
    ],
)
def test_forms(text: str, address: object) -> None:
    assert parse_target(text) == address


def test_emulated_core() -> None:
    address = parse_target("arm://cortex-a76")
    assert isinstance(address, EmulatedAddress)
    assert address.core.name == "cortex-a76"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not a target"),
        ("phone", "is not a target"),
        ("usb://x", "is not a target"),
        ("adb://", "has no serial"),
        ("adb://%20", "has no serial"),
        ("adb://a%0ab", "has no serial"),
        ("ssh://", "not of the form"),
        ("ssh://pi@", "not of the form"),
        ("ssh://pi@host:", "not of the form"),
        ("ssh://pi@host:port", "not of the form"),
        ("ssh://pi@host:99999", "not in 1..65535"),
        ("ssh://pi@ho st", "not of the form"),
        ("ssh://-oProxyCommand=x", "cannot begin with a dash"),
        ("ssh://-l@host", "cannot begin with a dash"),
        ("ssh://a@b@c", "not of the form"),
        ("arm://cortex-a67", "did you mean cortex-a76"),
        ("arm://", "unknown core"),
    ],
)
def test_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(text)
