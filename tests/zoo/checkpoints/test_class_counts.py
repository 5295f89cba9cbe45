"""How many classes a network has is what its checkpoint says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.zoo.checkpoints.small_net import under
from zoo.errors import InputError
from zoo.networks import InputOverrides, load_network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.pth"


OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.top = head
    def forward(self, x):
        x = self.pool(self.norm(self.stem(x)))
        return self.top(x).flatten(1)

class Head(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(8, classes))
    def forward(self, x):
        return self.layers(x)

def linear(num_classes=10):
    return Net(nn.Sequential(nn.Flatten(), nn.Linear(8, num_classes)))

def nested(num_classes=10):
    return Net(Head(num_classes))

def convolution(num_classes=10):
    return Net(nn.Conv2d(8, num_classes, 1))

def fixed():
    return Net(nn.Conv2d(8, 10, 1))
"""

SMALL = InputOverrides(size=32)


@pytest.mark.parametrize("function", ["linear", "nested", "convolution"])
def test_an_own_networks_classes_are_the_files(tmp_path: Path, path: Path, function: str) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    name = f"{tmp_path / 'mine.py'}:{function}"
    seven = load_network(name, num_classes=7, overrides=SMALL, seed=1)
    torch.save({"model_state_dict": under("model.", seven.module.state_dict())}, path)
    loaded = load_network(name, path, overrides=SMALL, seed=2)
    assert loaded.num_classes == 7
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(loaded.module(x), seven.module(x))
    with pytest.raises(InputError, match="give --num-classes 7"):
        load_network(name, path, overrides=SMALL, num_classes=5)


def test_classes_of_a_network_that_cannot_have_them(tmp_path: Path, path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    seven = load_network(f"{tmp_path / 'mine.py'}:convolution", num_classes=7, overrides=SMALL)
    torch.save(seven.module.state_dict(), path)
    with pytest.raises(InputError, match="its classes are 7"):
        load_network(f"{tmp_path / 'mine.py'}:fixed", path, overrides=SMALL)


@pytest.mark.parametrize("name", ["lcnet_035", "mobilenet_v3_small"])
def test_a_zoo_networks_classes_are_the_files(path: Path, name: str) -> None:
    seven = load_network(name, num_classes=7, seed=1, overrides=InputOverrides(size=64))
    state = {
        n: t.half() if t.dtype.is_floating_point else t
        for n, t in seven.module.state_dict().items()
    }
    torch.save({"state_dict": under("net.", state)}, path)
    loaded = load_network(name, path, overrides=InputOverrides(size=64))
    assert loaded.num_classes == 7
    assert "float16 as float32" in loaded.weights.describe()


def test_the_shared_own_network(shared: Path, path: Path) -> None:
    name = f"{shared / 'cases/networks/checkpoint_class_count/build.py'}:build"
    seven = load_network(name, num_classes=7, overrides=SMALL)
    torch.save(seven.module.state_dict(), path)
    assert load_network(name, path, overrides=SMALL).num_classes == 7
