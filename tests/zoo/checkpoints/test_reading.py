from __future__ import annotations

import argparse
import os
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.zoo.checkpoints.small_net import refusal_of, same_state, selection, small_net
from zoo.errors import InputError


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt"])
def test_reads_what_was_written(suffix: str, tmp_path: Path) -> None:
    state, path = small_net().state_dict(), tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    assert same_state(selection(path).state, state)


def test_safetensors_under_another_name(tmp_path: Path) -> None:
    state = small_net().state_dict()
    save_file(state, tmp_path / "w.bin")
    assert same_state(selection(tmp_path / "w.bin").state, state)


def test_reads_the_old_pickle_format(tmp_path: Path) -> None:
    state = small_net().state_dict()
    torch.save(state, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert same_state(selection(tmp_path / "w.pth").state, state)


class _Malicious:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_execute_does_not(tmp_path: Path, zipped: bool) -> None:
    marker, path = tmp_path / "executed", tmp_path / "evil.pth"
    content = {"a": torch.zeros(1), "b": _Malicious(marker)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="could run code") as error:
        selection(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert not marker.exists()
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(content["b"]))
    with pytest.raises(InputError):
        selection(plain)
    assert not marker.exists()
    pickle.loads(plain.read_bytes())  # it does where it is let
    assert marker.exists()


def test_a_pickled_module_isrefusal_of(tmp_path: Path) -> None:
    torch.save(small_net(), tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"state_dict\(\)"):
        selection(tmp_path / "net.pth")


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "legacy.pth"])
def test_truncated_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        save_file(small_net().state_dict(), path)
    else:
        torch.save(small_net().state_dict(), path, _use_new_zipfile_serialization=suffix == "pth")
    whole = path.read_bytes()
    for size in (0, 4, len(whole) // 3, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError) as error:
            selection(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_files_that_are_no_state_dict(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    torch.save({"a": torch.zeros(1), "b": 3}, tmp_path / "mixed.pth")
    torch.jit.script(small_net()).save(str(tmp_path / "program.pt"))
    paths = [*tmp_path.iterdir(), tmp_path, tmp_path / "missing.pth"]
    assert len(paths) == 7
    for path in paths:
        with pytest.raises(InputError) as error:
            selection(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_the_content_and_not_the_suffix_says_what_a_file_is(tmp_path: Path) -> None:
    state = small_net().state_dict()
    torch.save(state, tmp_path / "pickle.safetensors")
    torch.save(state, tmp_path / "old.safetensors", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "safe.pth")
    for path in tmp_path.iterdir():
        assert same_state(selection(path).state, state), path


def test_records_of_training_frameworks_do_not_hide_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mmengine's logs are objects of its own; nothing of theirs is run."""
    state, marker = small_net().state_dict(), tmp_path / "executed"
    module = types.ModuleType("mmengine.logging")

    class HistoryBuffer:
        def __reduce__(self) -> tuple[object, tuple[str], object]:
            return run, (f"touch {marker}",), {"values": [1, 2]}

    def run(command: str) -> None:
        os.system(command)

    for item in (HistoryBuffer, run):
        item.__module__, item.__qualname__ = "mmengine.logging", item.__name__
        setattr(module, item.__name__, item)
    monkeypatch.setitem(sys.modules, "mmengine", types.ModuleType("mmengine"))
    monkeypatch.setitem(sys.modules, "mmengine.logging", module)
    torch.save({"state_dict": state, "message_hub": HistoryBuffer()}, tmp_path / "w.pth")
    assert same_state(selection(tmp_path / "w.pth").state, state)
    assert not marker.exists()


def test_plain_values_beside_the_weights(tmp_path: Path) -> None:
    state = small_net().state_dict()
    beside = {
        "args": argparse.Namespace(lr=0.1),
        "best": np.float64(0.7),
        "curve": np.zeros(3, np.float32),
        "count": np.int64(3),
    }
    for zipped in (True, False):
        torch.save(
            {"state_dict": state, **beside},
            tmp_path / "w.pth",
            _use_new_zipfile_serialization=zipped,
        )
        assert same_state(selection(tmp_path / "w.pth").state, state)


@pytest.mark.parametrize("held", [tuple, list, lambda parts: {"run": [1, dict(enumerate(parts))]}])
def test_weights_in_lists_and_under_numbers(
    held: Callable[[list[object]], object], tmp_path: Path
) -> None:
    state = small_net().state_dict()
    torch.save(held([3, state, {"lr": 0.1}]), tmp_path / "w.pth")
    assert same_state(selection(tmp_path / "w.pth").state, state)
    other = {name: tensor + 1 for name, tensor in state.items()}
    torch.save(held([state, other]), tmp_path / "w.pth")
    assert "holds several networks" in refusal_of(tmp_path / "w.pth")


def test_files_of_other_programs(tmp_path: Path) -> None:
    torch.jit.script(small_net()).save(str(tmp_path / "program.pt"))
    program = torch.export.export(small_net().eval(), (torch.zeros(1, 3, 4, 4),))
    torch.export.save(program, tmp_path / "program.pt2")
    torch.save(small_net(), tmp_path / "module.pth")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "keras.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"0" * 99)
    (tmp_path / "lite.tflite").write_bytes(b"\x1c\0\0\0TFL3" + b"0" * 99)
    (tmp_path / "index.json").write_text('{"weight_map": {}}')
    said = {
        "program.pt": "TorchScript program",
        "program.pt2": "torch.export program",
        "module.pth": "holds Python objects (torch.nn.modules.container.Sequential)",
        "arrays.npz": "NumPy arrays",
        "array.npy": "NumPy array",
        "keras.h5": "HDF5",
        "lite.tflite": "TensorFlow Lite",
        "index.json": "text file",
    }
    for name, words in said.items():
        assert words in refusal_of(tmp_path / name)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "empty.pth").touch()
    (tmp_path / "empty.safetensors").touch()
    for name, words in {
        "pipe.pth": "pipe or device",
        "empty.pth": "is empty",
        "empty.safetensors": "is empty",
        "missing.pth": "no such weights file",
        ".": "is a folder",
    }.items():
        assert words in refusal_of(tmp_path / name)
    assert "pipe or device" in refusal_of(Path("/dev/zero"))
