from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zoo.errors import InputError
from zoo.networks import InputOverrides, load_network

SOURCE = """
from dataclasses import dataclass
import torch
from torch import nn
import neighbour

@dataclass
class Width:
    value: int = 8

class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Conv2d(3, Width().value, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(12, classes)
    def forward(self, x):
        return self.head(self.pool(self.blocks(self.stem(x))).flatten(1))

def plain():
    return Net(neighbour.CLASSES)

def sized(num_classes=4):
    return Net(num_classes)

def described():
    net = Net(3)
    net.pretrained_cfg = {"input_size": (3, 40, 48), "mean": (0.5,) * 3, "std": (0.25,) * 3,
                          "crop_pct": 1.0, "interpolation": "bicubic"}
    net.labels = ["cat", "dog", "hen"]
    return net

def failing():
    raise RuntimeError("first line\\nsecond line")

def leaving():
    raise SystemExit(3)

def number():
    return 5

def wrong_output():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(2))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "neighbour.py").write_text("CLASSES = 5\n")
    path = tmp_path / "mine.py"
    path.write_text(SOURCE)
    return path


SMALL = InputOverrides(size=32)
FAILING_LINE = SOURCE[: SOURCE.index("raise RuntimeError")].count("\n") + 1


def test_the_functions_module_is_used(file: Path) -> None:
    network = load_network(f"{file}:plain", overrides=SMALL)
    assert (network.source, network.num_classes) == ("user", 5)
    assert network.weights.kind == "user"
    assert load_network(f"{file}:sized", overrides=SMALL, num_classes=9).num_classes == 9


def test_pretrained_cfg_gives_the_input(file: Path) -> None:
    network = load_network(f"{file}:described")
    assert network.input_spec.shape == (1, 3, 40, 48)
    assert network.input_spec.std == (0.25, 0.25, 0.25)
    assert network.input_spec.interpolation == "bicubic"
    assert network.labels == ("cat", "dog", "hen")


def test_weights_embedding_and_features(file: Path, tmp_path: Path) -> None:
    network = load_network(f"{file}:plain", overrides=SMALL, seed=1)
    torch.save(network.module.state_dict(), tmp_path / "w.pth")
    x = torch.randn(2, 3, 32, 32)
    again = load_network(f"{file}:plain", tmp_path / "w.pth", overrides=SMALL, seed=2)
    embedding = load_network(f"{file}:plain", tmp_path / "w.pth", overrides=SMALL, num_classes=0)
    features = load_network(f"{file}:plain", overrides=SMALL, features_only=True)
    with torch.no_grad():
        assert torch.equal(again.module(x), network.module(x))
        assert embedding.module(x).shape == (2, 12)
        assert [tuple(m.shape) for m in features.module(x)] == [(2, 8, 16, 16), (2, 12, 8, 8)]
    assert features.feature_channels == (8, 12)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("plain", "--input-size"),
        ("missing", "no function 'missing'"),
        ("failing", f"line {FAILING_LINE}: RuntimeError: first line"),
        ("leaving", "SystemExit"),
        ("number", "not a torch.nn.Module"),
    ],
)
def test_errors_are_one_line(file: Path, function: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        load_network(f"{file}:{function}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_outputs_that_are_no_logits(file: Path) -> None:
    with pytest.raises(InputError, match="logits of shape"):
        load_network(f"{file}:wrong_output", overrides=SMALL)
    with pytest.raises(InputError, match="has 5 outputs where 6 classes"):
        load_network(f"{file}:plain", overrides=SMALL, num_classes=6)


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("x = 1\ndef f(:\n")
    with pytest.raises(InputError, match=r"line 2: SyntaxError"):
        load_network(f"{tmp_path / 'bad.py'}:f")
