"""Files by content: what a job reads and makes is the same on both sides, byte for byte."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from fbdeploy.cluster.messages import Parcel
from fbdeploy.cluster.packing import Packer, listing_of, put_in_place
from fbdeploy.cluster.sandbox import listed, needed, unpack
from fbdeploy.cluster.store import Damaged, Store
from fbdeploy.pipeline.keys import folder_identity
from fbdeploy.pipeline.workers.jobs import Job
from zoo.errors import InputError


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def job(arguments: dict) -> Job:
    return Job(name="j", title="a job", function="m:f", arguments=arguments, memory=1)


def carried(parcel: Parcel, packer: Packer, store: Store, there: dict[str, Path]) -> list[str]:
    """Everything that the store lacks is brought there; returns what that was."""
    brought = []
    for step in (lambda: needed(parcel), lambda: listed(parcel, store, there)):
        for one in store.missing(step()):
            source = packer.source(one)
            content = source if isinstance(source, bytes) else source.read_bytes()
            store.put("u", one, 0, content[:5], len(content) <= 5)
            if len(content) > 5:
                store.put("u", one, 5, content[5:], True)
            brought.append(one)
    return brought


@pytest.fixture
def output(tmp_path: Path) -> Path:
    out = tmp_path / "client" / "out"
    for name, text in {
        ".fbdeploy/program-int8/program.json": "{}",
        ".fbdeploy/logs/prepare.log": "private",
        ".lock": "1",
        f"int8/.{os.getpid()}-partial-model.onnx": "half",
        "int8/model.onnx": "int8 net",
        "fp32/model.onnx": "fp32 net",
        "manifest.json": "{}",
    }.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    return out


def test_a_job_finds_what_it_reads_and_nothing_private(output: Path, tmp_path: Path) -> None:
    packer, store = Packer(), Store(tmp_path / "host")
    parcel = packer.pack(job({"request": {"output": str(output)}}), 1)
    carried(parcel, packer, store, {})
    sandbox = unpack(parcel, store, {})
    there = {
        p.relative_to(sandbox.output).as_posix() for p in sandbox.output.rglob("*.*") if p.is_file()
    }
    assert there == {
        ".fbdeploy/program-int8/program.json",
        "int8/model.onnx",
        "fp32/model.onnx",
        "manifest.json",
    }
    assert sandbox.job.arguments["request"] == {"output": str(sandbox.output)}
    assert sandbox.names[str(sandbox.output)] == str(output)


def test_a_job_that_names_artefacts_gets_these_and_the_work(output: Path) -> None:
    arguments = {"request": {"output": str(output)}, "artefacts": [{"path": "int8/model.onnx"}]}
    paths = {entry.path for entry in Packer().pack(job(arguments), 1).files}
    assert paths == {".fbdeploy/program-int8/program.json", "int8/model.onnx"}


def test_only_changes_come_back_and_the_store_is_not_written(output: Path, tmp_path: Path) -> None:
    packer, store = Packer(), Store(tmp_path / "host")
    parcel = packer.pack(job({"request": {"output": str(output)}}), 1)
    carried(parcel, packer, store, {})
    sandbox = unpack(parcel, store, {})
    assert sandbox.changes() == ((), ())
    (sandbox.output / "int8/model.onnx").write_text("int8 NET")
    (sandbox.output / "new").mkdir()
    (sandbox.output / "new/report").write_bytes(b"")
    (sandbox.output / f".{os.getpid()}-partial-x").write_text("unfinished")
    (sandbox.output / "manifest.json").unlink()
    files, removed = sandbox.changes()
    assert {one.path: one.sha256 for one in files} == {
        "int8/model.onnx": sha256(b"int8 NET"),
        "new/report": sha256(b""),
    }
    assert removed == ("manifest.json",)
    assert sandbox.changes() == ((), ())
    kept = store.path(sha256(b"int8 net"))
    assert kept is not None and kept.read_text() == "int8 net"
    sandbox.close()
    assert not sandbox.root.exists()


def photos(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "1.jpg").write_text(text)
    return folder


def test_photos_are_sent_once_and_told_by_the_clients_identity(tmp_path: Path) -> None:
    data = photos(tmp_path / "client" / "photos", cat="meow", dog="woof", hound="woof")
    arguments = {
        "request": {"output": str(tmp_path / "client/out"), "data": str(data), "identities": {}}
    }
    (tmp_path / "client/out").mkdir()
    packer, store = Packer(), Store(tmp_path / "host")
    parcel = packer.pack(job(arguments), 1)
    assert sha256(b"woof") in carried(parcel, packer, store, {})
    sandbox = unpack(parcel, store, {})
    request = sandbox.job.arguments["request"]
    there = Path(request["data"])
    assert (there / "hound/1.jpg").read_text() == "woof"
    assert request["identities"] == {str(there): folder_identity(data)}
    assert sandbox.names[str(there)] == str(data)
    again = Packer().pack(job(arguments), 1)
    assert store.missing(needed(again) + listed(again, store, {})) == []
    sandbox.close()
    assert (there / "cat/1.jpg").exists(), "the next job uses the same folder"


def test_photos_that_lie_on_the_host_are_used_there(tmp_path: Path) -> None:
    data = photos(tmp_path / "client" / "photos", cat="meow")
    lying = photos(tmp_path / "srv" / "val", cat="meow")
    os.utime(lying / "cat/1.jpg", (1, 1))
    (tmp_path / "client/out").mkdir()
    arguments = {
        "request": {"output": str(tmp_path / "client/out"), "data": str(data), "identities": {}}
    }
    packer, store = Packer(), Store(tmp_path / "host")
    parcel = packer.pack(job(arguments), 1)
    there = {sha256(listing_of(Packer().entries(lying))): lying}
    assert carried(parcel, packer, store, there) == needed(parcel), "the listing alone"
    sandbox = unpack(parcel, store, there)
    assert sandbox.job.arguments["request"]["data"] == str(lying)


def test_programs_of_a_folder_stay_executable(tmp_path: Path) -> None:
    """As a runner kit has them; a photo that has the permission alone is a photo."""
    kit = tmp_path / "client" / "kit"
    kit.mkdir(parents=True)
    (tmp_path / "client/out").mkdir()
    for name, content in (("run", b"\x7fELF.."), ("start", b"#!/bin/sh"), ("1.jpg", b"photo")):
        (kit / name).write_bytes(content)
        (kit / name).chmod(0o755)
    (kit / "note").write_bytes(b"#!")
    packer, store = Packer(), Store(tmp_path / "host")
    folder = str(tmp_path / "client/out")
    parcel = packer.pack(job({"folder": folder, "target": {"runners": str(kit)}}), 1)
    for _ in range(2):
        carried(parcel, packer, store, {})
        there = Path(unpack(parcel, store, {}).job.arguments["target"]["runners"])
        runs = {path.name for path in there.iterdir() if os.access(path, os.X_OK)}
        assert runs == {"run", "start"}


def test_a_network_brings_its_neighbours(tmp_path: Path) -> None:
    code = tmp_path / "client" / "code"
    (code / "parts").mkdir(parents=True)
    for name in ("net.py", "helper.py", "parts/__init__.py", "parts/block.py", "notes.txt"):
        (code / name).write_text(name)
    (tmp_path / "client/out").mkdir()
    network = f"{code / 'net.py'}:build"
    arguments = {"request": {"output": str(tmp_path / "client/out"), "network": network}}
    packer, store = Packer(), Store(tmp_path / "host")
    parcel = packer.pack(job(arguments), 1)
    carried(parcel, packer, store, {})
    sandbox = unpack(parcel, store, {})
    moved, _, function = sandbox.job.arguments["request"]["network"].rpartition(":")
    assert function == "build"
    found = {p.relative_to(Path(moved).parent).as_posix() for p in Path(moved).parent.rglob("*.*")}
    assert found == {"net.py", "helper.py", "parts/__init__.py", "parts/block.py"}


def test_a_zoo_name_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").mkdir()
    (tmp_path / "out").mkdir()
    parcel = Packer().pack(job({"request": {"output": "out", "network": "default"}}), 1)
    assert parcel.inputs == ()


def test_what_is_damaged_on_the_way_is_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(Damaged):
        store.put("u", sha256(b"right"), 0, b"wrong", True)
    assert store.path(sha256(b"right")) is None


def test_a_killed_hosts_leavings_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    left = store.scratch()
    store.put("u", sha256(b"half"), 0, b"ha", False)
    kept, _ = store.add(Path(__file__))
    again = Store(tmp_path)
    assert not left.exists() and not list((tmp_path / "parts").iterdir())
    assert again.path(kept) is not None


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="name another cache in the plan"):
        Store(tmp_path / "file")


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    """Whoever looks for the folder finds all of its files, and names cannot leave it."""
    folder, beside = tmp_path / "out", tmp_path / "beside"
    folder.mkdir()
    beside.mkdir()
    for name in "abc":
        (beside / name).write_text(name)
    fetched = {"deep/x/a": beside / "a", "deep/b": beside / "b", "c": beside / "c"}
    put_in_place(folder, fetched, ())
    assert (folder / "deep/x/a").read_text() == "a" and (folder / "c").read_text() == "c"
    assert not [p for p in folder.rglob("*") if "partial" in p.name]
    with pytest.raises(InputError):
        put_in_place(folder, {"../evil": beside / "a"}, ())
    put_in_place(folder, {}, ("c", "never/there"))
    assert not (folder / "c").exists()
