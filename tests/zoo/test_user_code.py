"""Files beside a user's network that are called like our packages, or like anybody's."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch

from zoo.networks import InputOverrides, load_network
from zoo.user_code import PREFIX, run_file

SMALL = InputOverrides(size=32)
NETWORK = """
from torch import nn
import stats
import export as writing
from zoo import CLASSES
import tasks.head
import tasks.head as again
from tasks import head, body
import json

class Net(nn.Sequential):
    def forward(self, x):
        import quantize
        return super().forward(x) * quantize.FACTOR

def build():
    assert again is head is tasks.head and json.loads("1") == 1
    return Net(nn.Conv2d(3, stats.WIDTH, 3, stride=8), writing.make_pool(), nn.Flatten(),
               head.Head(stats.WIDTH, CLASSES))
"""
FILES = {
    "stats.py": "WIDTH = 4\n",
    "export.py": "import stats\nfrom torch import nn\n\ndef make_pool():\n"
    "    assert stats.WIDTH == 4\n    return nn.AdaptiveAvgPool2d(1)\n",
    "zoo.py": "CLASSES = 7\n",
    "quantize.py": "FACTOR = 2.0\n",
    "tasks/__init__.py": "",
    "tasks/head.py": "from torch import nn\nfrom .body import double\nimport stats\n\n"
    "class Head(nn.Linear):\n    width = double(stats.WIDTH)\n",
    "tasks/body.py": "def double(x):\n    return 2 * x\n",
    "torch/notes.txt": "a folder called like a package\n",
    "data/one.txt": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"net.py": NETWORK, **FILES}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_neighbours_are_the_users_own_and_ours_stay(folder: Path) -> None:
    names = ("stats", "export", "zoo", "tasks", "quantize")
    before = {name: importlib.import_module(name) for name in names}
    network = load_network(f"{folder / 'net.py'}:build", overrides=SMALL)
    assert network.num_classes == 7
    with torch.no_grad():  # runs an import statement long after the file was loaded
        assert network.module(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    assert {name: importlib.import_module(name) for name in names} == before
    assert importlib.import_module("stats.interval").Interval(1.0, 2.0).width == 1.0
    assert str(folder) not in sys.path


def test_two_folders_do_not_mix(tmp_path: Path) -> None:
    for name, value in (("a", 3), ("b", 5)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper.py").write_text(f"VALUE = {value}\n")
        (tmp_path / name / "net.py").write_text("from helper import VALUE\n")
    assert [run_file(tmp_path / name / "net.py").VALUE for name in "aba"] == [3, 5, 3]


def test_a_neighbour_may_import_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import helper\n\ndef width():\n    return 4\n")
    (tmp_path / "helper.py").write_text("import net\n\ndef twice():\n    return 2 * net.width()\n")
    module = run_file(tmp_path / "net.py")
    assert module.helper.twice() == 8
    assert module.__name__.startswith(PREFIX)


def test_the_file_runs_again_each_time(tmp_path: Path) -> None:
    path = tmp_path / "my-net.v2.py"
    path.write_text("VALUE = 1\n")
    assert run_file(path).VALUE == 1
    path.write_text("VALUE = 22\n")
    assert run_file(path).VALUE == 22


def test_built_in_and_missing_modules_are_pythons(tmp_path: Path) -> None:
    (tmp_path / "time.py").write_text("raise AssertionError\n")
    (tmp_path / "net.py").write_text("import time\ntime.monotonic()\n")
    run_file(tmp_path / "net.py")
    (tmp_path / "net.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(ModuleNotFoundError, match="'nowhere_to_be_found'"):
        run_file(tmp_path / "net.py")
