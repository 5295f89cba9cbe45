"""Files that are no artefact, or not a whole one, are refused in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from export.format_info import FORMAT_INFO
from export.inspection import READERS, inspect
from tests.export.conftest import Workshop
from zoo.errors import InputError

FILES = [reader for reader in READERS if reader.format != "coreml"]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        inspect(path)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


@pytest.mark.parametrize("suffix", [info.suffix for info in FORMAT_INFO.values()])
def test_missing(tmp_path: Path, suffix: str) -> None:
    assert "no such artefact" in refusal(tmp_path / f"model{suffix}")


@pytest.mark.parametrize("suffix", [info.suffix for info in FORMAT_INFO.values()])
@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"just some text, nothing else"])
def test_foreign_content(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    refusal(path)


def test_unknown_suffix_and_content(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no artefact")
    assert ".tflite" in refusal(path)


def test_state_dict_is_no_torchscript(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(3)}, path)
    assert "torchscript" in refusal(path)


@pytest.mark.parametrize("kept", [0.3, 0.95])
@pytest.mark.parametrize("reader", FILES, ids=lambda reader: reader.format)
def test_truncated(workshop: Workshop, tmp_path: Path, reader, kept: float) -> None:
    whole = workshop.make(reader.format, "int8").path.read_bytes()
    path = tmp_path / f"cut{FORMAT_INFO[reader.format].suffix}"
    path.write_bytes(whole[: int(len(whole) * kept)])
    refusal(path)


def test_truncated_package(workshop: Workshop, tmp_path: Path) -> None:
    package = tmp_path / "cut.mlpackage"
    shutil.copytree(workshop.make("coreml", "int8").path, package)
    weights = next(package.rglob("weight.bin"))
    weights.write_bytes(weights.read_bytes()[:-200])
    assert "cut off" in refusal(package)
    next(package.rglob("*.mlmodel")).unlink()
    refusal(package)


def test_named_as_another_format(workshop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    shutil.copy(workshop.make("litert", "int8").path, path)
    assert "content is litert" in refusal(path)


def test_content_tells_where_the_suffix_does_not(workshop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    shutil.copy(workshop.make("litert", "int8").path, path)
    assert inspect(path).format == "litert"
