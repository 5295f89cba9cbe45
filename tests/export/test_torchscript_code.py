from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from export.torchscript_code import refuse_unsafe_code
from zoo.errors import InputError

SHARED = Path(__file__).parents[3] / "shared"


class FromFile(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_file("victim", True, 4).sum()


class Save(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        torch.save(x, "victim")
        return x


class State(nn.Module):
    """Has a ``__setstate__`` that only sets what was stored."""

    def __init__(self) -> None:
        super().__init__()
        self.held = nn.Parameter(torch.zeros(1))
        self.training = False

    @torch.jit.export
    def __getstate__(self) -> tuple[Tensor, bool]:
        return (self.held, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.held = state[0]
        self.training = state[1]

    def forward(self, x: Tensor) -> Tensor:
        return x + self.held


class BusyState(State):
    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.held = state[0] + torch.zeros(1000).sum()
        self.training = state[1]


class EndlessState(State):
    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        number = 1
        while number > 0:
            number = 3 - number
        self.held = state[0]
        self.training = state[1]


class HiddenState(State):
    """What ``__setstate__`` does stands in a method that it calls."""

    @torch.jit.export
    def fill(self) -> Tensor:
        return torch.from_file("victim", True, 4)

    @torch.jit.export
    def __setstate__(self, state: tuple[Tensor, bool]) -> None:
        self.held = self.fill()
        self.training = state[1]


def saved(module: nn.Module, folder: Path) -> Path:
    path = folder / "model.pt"
    torch.jit.save(torch.jit.script(module), str(path))
    return path


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (FromFile(), "torch.from_file"),
        (Save(), "torch.save"),
        (BusyState(), "when it is loaded"),
        (EndlessState(), "a loop when it is loaded"),
        (HiddenState(), "torch.from_file"),
        (nn.Sequential(nn.ReLU(), nn.Sequential(FromFile())), "torch.from_file"),
    ],
    ids=["from_file", "save", "busy", "endless", "hidden", "nested"],
)
def test_code_that_does_more_than_compute_is_refused(
    tmp_path: Path, module: nn.Module, says: str
) -> None:
    path = saved(module, tmp_path)
    with pytest.raises(InputError, match=says) as caught:
        refuse_unsafe_code(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_networks_and_stored_state_are_taken(tmp_path: Path) -> None:
    refuse_unsafe_code(saved(State(), tmp_path))
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Hardswish(), nn.Flatten())
    refuse_unsafe_code(saved(network, tmp_path))


def test_quantized_layers_pack_their_weights_when_they_are_loaded(tmp_path: Path) -> None:
    torch.backends.quantized.engine = "qnnpack"
    network = nn.Sequential(
        torch.ao.nn.quantized.Quantize(0.1, 0, torch.quint8),
        torch.ao.nn.quantized.Conv2d(3, 4, 3),
        torch.ao.nn.intrinsic.quantized.ConvReLU2d(4, 4, 3),
        nn.Flatten(),
        torch.ao.nn.quantized.Linear(64, 2),
        torch.ao.nn.quantized.DeQuantize(),
    )
    path = saved(network, tmp_path)
    with zipfile.ZipFile(path) as archive:
        code = [archive.read(name) for name in archive.namelist() if name.endswith(".py")]
    assert any(b"__setstate__" in text for text in code)
    refuse_unsafe_code(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared, which has Meta's file, is not here")
def test_the_file_of_another_team_is_taken() -> None:
    refuse_unsafe_code(SHARED / "weights" / "d2go_fbnetv3a_dsmask_int8.pt")


def archive_of(folder: Path, code: bytes) -> Path:
    path = folder / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/code/__torch__/net.py", code)
    return path


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (b"def (", "cannot be read"),
        (b"\xff\xfe", "no readable TorchScript"),
        (b"x = " + b"(" * 5000 + b")" * 5000, "cannot be read"),
        (b"a = ops.evil.run()", "operator evil::run of another library"),
        (b"a = __torch__.torch.classes.dist.Store()", "class dist.Store of another library"),
        (b"f = torch.from_file\nf('x')", "torch.from_file"),
        (b"a = ops.image.write_file()", "operator image::write_file"),
    ],
)
def test_archives_of_all_kinds(tmp_path: Path, code: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        refuse_unsafe_code(archive_of(tmp_path, code))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"PK\x05\x06 no archive")
    with pytest.raises(InputError, match="no readable TorchScript archive"):
        refuse_unsafe_code(path)
