"""Files that are made to hurt who reads them."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.zoo.checkpoints.small_net import refusal_of, same_state, selection, small_net


def test_checkpoints_that_hold_themselves(tmp_path: Path) -> None:
    for key in ("model", "state_dict", "ema", "anything"):
        content: dict[str, object] = {"epoch": 1}
        content[key] = {"state_dict": content}
        torch.save(content, tmp_path / "w.pth")
        assert "no state dict" in refusal_of(tmp_path / "w.pth")
        content["net"] = small_net().state_dict()
        torch.save(content, tmp_path / "w.pth")
        assert same_state(selection(tmp_path / "w.pth").state, small_net().state_dict())


def test_checkpoints_that_hold_one_thing_very_often(tmp_path: Path) -> None:
    inner: dict[str, object] = {"epoch": 1}
    for _ in range(60):  # 3 ** 60 paths lead to it
        inner = {"a": inner, "b": inner, "model": inner}
    torch.save(inner, tmp_path / "w.pth")
    assert "no state dict" in refusal_of(tmp_path / "w.pth")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    for content in ({0: torch.zeros(1)}, {"a": torch.zeros(1), 1: torch.zeros(1)}):
        torch.save(content, tmp_path / "w.pth")
        assert "no state dict" in refusal_of(tmp_path / "w.pth")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02ctorch." + b"x" * 3_000_000 + b"\nname\n.",  # a global
        b"\x80\x02X" + struct.pack("<I", 3_000_000) + b"x" * 3_000_000 + b"(tR.",  # a function
        b"\x80\x02X" + struct.pack("<I", 3_000_000) + b"x" * 3_000_000 + b"Q.",  # a storage
    ],
)
def test_a_long_name_is_not_searched_for_hours(
    content: bytes, zipped: bool, tmp_path: Path
) -> None:
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("w/data.pkl", content)
            archive.writestr("w/version", "3")
    assert len(refusal_of(path)) < 300 + len(str(path))


def _packed(header: bytes | dict[str, object], data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_safetensors_whose_header_lies(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(small_net().state_dict(), path)
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
        refusal_of(path)
    path.write_bytes(_packed(header, data))
    assert same_state(selection(path).state, small_net().state_dict())


def test_a_compressed_bomb(tmp_path: Path) -> None:
    torch.save(small_net().state_dict(), tmp_path / "w.pth")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as source,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.infolist():
            zeros = member.filename.endswith("data/0")
            target.writestr(member.filename, b"\0" * 20_000_000 if zeros else source.read(member))
    assert "compressed" in refusal_of(tmp_path / "bomb.pth")


def test_the_shared_files(shared: Path) -> None:
    for folder, pattern in (("faults", "06*/selfref.pth"), ("fuzz", "safetensors*")):
        found = list((shared / "cases" / folder).glob(pattern))
        assert found
        for path in found:
            refusal_of(path)
