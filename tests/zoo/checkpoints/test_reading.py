from __future__ import annotations

import argparse
import json
import os
import pickle
import struct
import sys
import time
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from zoo.checkpoints import State, read_states, select
from zoo.errors import InputError


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1))


def _read(path: Path) -> State:
    """What of a file fits ``_net``."""
    found = select(
        read_states(path), _net(), lambda state: (state, "own"), origin=str(path), network="net"
    )
    return found.state


def _same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "pt"])
def test_reads_what_was_written(suffix: str, tmp_path: Path) -> None:
    state, path = _net().state_dict(), tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    assert _same(_read(path), state)


def test_safetensors_under_another_name(tmp_path: Path) -> None:
    state = _net().state_dict()
    save_file(state, tmp_path / "w.bin")
    assert _same(_read(tmp_path / "w.bin"), state)


def test_reads_the_old_pickle_format(tmp_path: Path) -> None:
    state = _net().state_dict()
    torch.save(state, tmp_path / "w.pth", _use_new_zipfile_serialization=False)
    assert _same(_read(tmp_path / "w.pth"), state)


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
        _read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert not marker.exists()
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps(content["b"]))
    with pytest.raises(InputError):
        _read(plain)
    assert not marker.exists()
    pickle.loads(plain.read_bytes())  # it does where it is let
    assert marker.exists()


def test_a_pickled_module_is_refused(tmp_path: Path) -> None:
    torch.save(_net(), tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"state_dict\(\)"):
        _read(tmp_path / "net.pth")


@pytest.mark.parametrize("suffix", ["safetensors", "pth", "legacy.pth"])
def test_truncated_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        save_file(_net().state_dict(), path)
    else:
        torch.save(_net().state_dict(), path, _use_new_zipfile_serialization=suffix == "pth")
    whole = path.read_bytes()
    for size in (0, 4, len(whole) // 3, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError) as error:
            _read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_files_that_are_no_state_dict(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    torch.save({"a": torch.zeros(1), "b": 3}, tmp_path / "mixed.pth")
    torch.jit.script(_net()).save(str(tmp_path / "program.pt"))
    paths = [*tmp_path.iterdir(), tmp_path, tmp_path / "missing.pth"]
    assert len(paths) == 7
    for path in paths:
        with pytest.raises(InputError) as error:
            _read(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def _refused(path: Path) -> str:
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        _read(path)
    text = str(error.value)
    assert time.monotonic() - start < 2
    assert str(path) in text and "\n" not in text and len(text) <= 300
    return text


def test_the_content_and_not_the_suffix_says_what_a_file_is(tmp_path: Path) -> None:
    state = _net().state_dict()
    torch.save(state, tmp_path / "pickle.safetensors")
    torch.save(state, tmp_path / "old.safetensors", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "safe.pth")
    for path in tmp_path.iterdir():
        assert _same(_read(path), state), path


def test_records_of_training_frameworks_do_not_hide_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mmengine's logs are objects of its own; nothing of theirs is run."""
    state, marker = _net().state_dict(), tmp_path / "executed"
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
    assert _same(_read(tmp_path / "w.pth"), state)
    assert not marker.exists()


def test_plain_values_beside_the_weights(tmp_path: Path) -> None:
    state = _net().state_dict()
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
        assert _same(_read(tmp_path / "w.pth"), state)


@pytest.mark.parametrize("held", [tuple, list, lambda parts: {"run": [1, dict(enumerate(parts))]}])
def test_weights_in_lists_and_under_numbers(
    held: Callable[[list[object]], object], tmp_path: Path
) -> None:
    state = _net().state_dict()
    torch.save(held([3, state, {"lr": 0.1}]), tmp_path / "w.pth")
    assert _same(_read(tmp_path / "w.pth"), state)
    other = {name: tensor + 1 for name, tensor in state.items()}
    torch.save(held([state, other]), tmp_path / "w.pth")
    assert "holds several networks" in _refused(tmp_path / "w.pth")


def test_files_of_other_programs(tmp_path: Path) -> None:
    torch.jit.script(_net()).save(str(tmp_path / "program.pt"))
    torch.export.save(
        torch.export.export(_net().eval(), (torch.zeros(1, 3, 4, 4),)), tmp_path / "program.pt2"
    )
    torch.save(_net(), tmp_path / "module.pth")
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
        assert words in _refused(tmp_path / name)


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
        assert words in _refused(tmp_path / name)
    assert "pipe or device" in _refused(Path("/dev/zero"))


def test_checkpoints_that_hold_themselves(tmp_path: Path) -> None:
    for key in ("model", "state_dict", "ema", "anything"):
        content: dict[str, object] = {"epoch": 1}
        content[key] = {"state_dict": content}
        torch.save(content, tmp_path / "w.pth")
        assert "no state dict" in _refused(tmp_path / "w.pth")
        content["net"] = _net().state_dict()
        torch.save(content, tmp_path / "w.pth")
        assert _same(_read(tmp_path / "w.pth"), _net().state_dict())


def test_checkpoints_that_hold_one_thing_very_often(tmp_path: Path) -> None:
    inner: dict[str, object] = {"epoch": 1}
    for _ in range(60):  # 3 ** 60 paths lead to it
        inner = {"a": inner, "b": inner, "model": inner}
    torch.save(inner, tmp_path / "w.pth")
    assert "no state dict" in _refused(tmp_path / "w.pth")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    for content in ({0: torch.zeros(1)}, {"a": torch.zeros(1), 1: torch.zeros(1)}):
        torch.save(content, tmp_path / "w.pth")
        assert "no state dict" in _refused(tmp_path / "w.pth")


def _packed(header: bytes | dict[str, object], data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_safetensors_whose_header_lies(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(_net().state_dict(), path)
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    overlap = json.loads(json.dumps(header))
    overlap["2.bias"]["data_offsets"] = overlap["0.bias"]["data_offsets"]
    long_type = json.loads(json.dumps(header))
    long_type["2.bias"]["dtype"] = "F" * 100_000
    again = json.dumps(header)[:-1] + ', "2.bias": ' + json.dumps(header["2.bias"]) + "}"
    contents = [
        _packed(header, data[:-8]),
        _packed(header, data + b"more"),
        _packed(overlap, data),
        _packed(long_type, data),
        _packed(again.encode(), data),
        _packed(b"[" * 100_000, b""),
        _packed(b'{"a":' * 100_000, b""),
        _packed(b"{\xff}", b""),
        _packed({}, b""),
        struct.pack("<Q", 1 << 62) + b"{}",
    ]
    for content in contents:
        path.write_bytes(content)
        _refused(path)
    path.write_bytes(_packed(header, data))
    assert _same(_read(path), _net().state_dict())


def test_a_compressed_bomb(tmp_path: Path) -> None:
    torch.save(_net().state_dict(), tmp_path / "w.pth")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as source,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.infolist():
            zeros = member.filename.endswith("data/0")
            target.writestr(member.filename, b"\0" * 20_000_000 if zeros else source.read(member))
    assert "compressed" in _refused(tmp_path / "bomb.pth")


def test_the_shared_files(shared: Path) -> None:
    for folder, pattern in (("faults", "06*/selfref.pth"), ("fuzz", "safetensors*")):
        found = list((shared / "cases" / folder).glob(pattern))
        assert found
        for path in found:
            _refused(path)
