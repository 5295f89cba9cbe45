"""The cluster's file: what it says, and that each mistake in it is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fbdeploy.cluster.plan import read_plan
from zoo.errors import InputError

HOST = '[[hosts]]\nname = "lab1"\n'
TLS = 'scheduler = "tls://lab0"\nkeys = "keys"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    return path


def test_says_where_everything_is(tmp_path: Path) -> None:
    devices = 'devices = ["adb://R58M", "ssh://pi@10.0.0.7:2222"]\n'
    second = '[[hosts]]\nname = "lab2"\ncores = 8\nmemory_gb = 16\n'
    plan = read_plan(written(tmp_path, TLS + HOST + devices + second))
    assert plan.address == "tls://lab0:8786"
    assert plan.keys == tmp_path / "keys"
    assert plan.timing_host == "lab1"
    assert [host.name for host in plan.hosts] == ["lab1", "lab2"]
    assert (plan.hosts[1].cores, plan.hosts[1].memory_gb) == (8, 16)
    owner = plan.owner("ssh://pi@10.0.0.7:2222")
    assert owner is not None and owner.name == "lab1"
    assert plan.owner("adb://other") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.0.1"])
def test_tcp_is_for_this_machine_alone(tmp_path: Path, host: str) -> None:
    assert not read_plan(written(tmp_path, f'scheduler = "tcp://{host}:9000"\n{HOST}')).is_secured


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (f'scheduler = "tcp://10.0.0.1:9000"\n{HOST}', "in the clear"),
        (f'scheduler = "tcp://lab0"\n{HOST}', "in the clear"),
        (f'scheduler = "tcp://127.0.0.1"\nkeys = "keys"\n{HOST}', "uses none"),
        (f'scheduler = "tls://lab0"\n{HOST}', "keys is missing"),
        (f'scheduler = "lab0:9000"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://lab0:70000"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://lab0:0"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://lab0:{"9" * 5000}"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://lab0:\u0669"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://[:::]"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://lab..0"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://{"a" * 64}"\nkeys = "keys"\n{HOST}', "is not tls://"),
        (f'scheduler = "tls://lab0"\nkeys = "a\\u0000"\n{HOST}', "keys: a\\x00 holds a null"),
        (
            f'scheduler = "tls://lab0"\nkeys = "~nobody-here/k"\n{HOST}',
            "keys: ~nobody-here/k: there is no",
        ),
        (TLS + HOST + 'data = ["/a", "/b\\u0000"]\n', "hosts.0.data.1: /b\\x00 holds a null"),
        (TLS + HOST + 'data = "/a"\n', "hosts.0.data"),
        (TLS + HOST + "cores = true\n", "hosts.0.cores"),
        (TLS + HOST + 'cores = "two"\n', "hosts.0.cores"),
        (TLS + '[hosts]\nname = "lab1"\n', "hosts"),
        (TLS, "hosts"),
        (TLS + "hosts = []\n", "hosts"),
        (TLS + HOST + HOST, "'lab1' is there more than once"),
        (TLS + '[[hosts]]\nname = "lab 1"\n', "name"),
        (TLS + HOST + "core = 3\n", "core"),
        (TLS + HOST + "cores = 0\n", "cores"),
        (TLS + HOST + "memory_gb = -1\n", "memory_gb"),
        (TLS + HOST + 'devices = ["local"]\n', "local is no device"),
        (TLS + HOST + 'devices = ["arm://cortex-a76"]\n', "is no device"),
        (TLS + HOST + 'devices = ["usb://x"]\n', "is not a target"),
        (TLS + HOST + 'devices = ["adb://a", "adb://a"]\n', "'adb://a' is there more than once"),
        (
            TLS
            + HOST
            + 'devices = ["ssh://pi@a"]\n[[hosts]]\nname = "b"\ndevices = ["ssh://pi@a/"]\n',
            "'ssh://pi@a/' is there more than once",
        ),
        ('times_on = "lab9"\n' + TLS + HOST, "'lab9' is no host"),
        ("scheduler = \n", "is not TOML"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, text: str, word: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as raised:
        read_plan(path)
    told = str(raised.value)
    assert word in told and told.startswith(str(path)) and "\n" not in told


def test_no_host_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"lab7: is no host of the plan, which has lab1"):
        read_plan(written(tmp_path, TLS + HOST)).host("lab7")
