"""Nothing goes but what is replaced, whatever stands where a file or folder is to be written."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unprivileged import unprivileged
from zoo.errors import InputError, one_line
from zoo.files import (
    atomic_file,
    atomic_folder,
    exists,
    inside,
    is_file,
    is_folder,
    try_file,
    try_folder,
)

MARKS = ("mark.json",)


def write(target: Path, text: str = "new") -> None:
    with atomic_file(target) as temporary:
        temporary.write_text(text)


def make(target: Path) -> None:
    with atomic_folder(target, MARKS) as temporary:
        temporary.mkdir()
        (temporary / "mark.json").write_text("new")


def tree(folder: Path) -> dict[str, object]:
    """Everything below a folder: kinds, contents, where links lead."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = path.readlink()
        else:
            found[name] = path.read_bytes() if path.is_file() else stat.S_IFMT(path.stat().st_mode)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something of every kind, two levels down and current."""
    here = tmp_path / "above" / "here"
    (here / "full").mkdir(parents=True)
    (here / "full" / "keep").write_text("precious")
    (here / "empty").mkdir()
    (here / "file").write_text("old")
    (here / "link").symlink_to("file")
    (here / "folder-link").symlink_to("full")
    (here / "dangling").symlink_to("absent")
    (here / "loop").symlink_to("loop")
    os.mkfifo(here / "fifo")
    (tmp_path / "above" / "precious").write_text("precious")
    monkeypatch.chdir(here)
    return here


def assert_said(error: InputError, name: str, reason: str) -> None:
    text = str(error)
    assert f": {reason}" in text
    assert text.startswith(one_line(f"{Path(name)}: {reason}")[:100])


FILE_REFUSED = {
    "full": "is a folder; name a file",
    "full/": "is a folder; name a file",
    "empty": "is a folder; name a file",
    ".": "is a folder; name a file",
    "..": "is a folder; name a file",
    "../..": "is a folder; name a file",
    "full/..": "is a folder; name a file",
    "/": "is a folder; name a file",
    "folder-link": "is a folder; name a file",
    "loop": "is a link that leads to itself; name a file",
    "fifo": "is a device, pipe or socket; name a file",
    "/dev/null": "is a device, pipe or socket; name a file",
    "/dev/full": "is a device, pipe or socket; name a file",
    "/dev/stdout": "is a stream; name a file",
    "/proc/self/fd/1": "is a stream; name a file",
    "file/x": "cannot be written",
    "fifo/x": "cannot be written",
    "a" * 256: "cannot be",
    "b/" * 3000: "cannot be",
    "a\0b": "cannot be read",
}


@pytest.mark.parametrize("name", FILE_REFUSED)
def test_a_file_is_refused_and_nothing_goes(place: Path, name: str) -> None:
    before = tree(place.parent)
    for write_or_try in (write, try_file):
        with pytest.raises(InputError) as caught:
            write_or_try(Path(name))
        assert_said(caught.value, name, FILE_REFUSED[name])
        assert tree(place.parent) == before


def test_a_socket_is_refused(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(InputError, match="is a device, pipe or socket"):
            write(Path("s"))
    assert stat.S_ISSOCK(Path("s").stat().st_mode)


def test_a_file_is_replaced_and_keeps_its_permissions(place: Path) -> None:
    Path("file").chmod(0o640)
    write(Path("file"))
    assert Path("file").read_text() == "new"
    assert stat.S_IMODE(Path("file").stat().st_mode) == 0o640


def test_links_are_written_through(place: Path) -> None:
    Path("far").symlink_to("link")
    for name in ("link", "far", "dangling"):
        write(Path(name), name)
        assert Path(name).is_symlink()
        assert Path(name).resolve().read_text() == name
    assert Path("file").read_text() == "far"
    assert Path("absent").read_text() == "dangling"


def test_a_link_below_a_linked_folder_leads_from_where_it_lies(place: Path) -> None:
    Path("full/up").symlink_to("../file")
    write(Path("folder-link/up"))
    assert Path("file").read_text() == "new"


def test_parents_are_made_and_long_names_work(place: Path) -> None:
    longest = "ä" * 125 + ".json"
    try_file(Path("new/deeper") / longest)
    assert not Path("new").exists()
    write(Path("new/deeper") / longest)
    assert [path.name for path in Path("new/deeper").iterdir()] == [longest]


def test_a_failing_block_leaves_what_was_there(place: Path) -> None:
    before = tree(place)
    with pytest.raises(RuntimeError), atomic_file(Path("file")) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    with pytest.raises(RuntimeError), atomic_folder(Path("empty"), MARKS) as temporary:
        temporary.mkdir()
        raise RuntimeError
    assert tree(place) == before


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "No space left on device"), (errno.EROFS, "Read-only file system")],
)
def test_disk_errors_without_a_name_are_told_of_the_target(
    place: Path, number: int, said: str
) -> None:
    with (
        pytest.raises(InputError, match=f"file: cannot be written .{said}"),
        atomic_file(Path("file")),
    ):
        raise OSError(number, os.strerror(number))


def test_errors_of_other_files_stay_what_they_are(place: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_file(Path("file")):
        Path("no-such-source").read_text()


FOLDER_REFUSED = {
    "full": "holds other files",
    "folder-link": "holds other files",
    "file": "is a file; name a folder",
    "link": "is a file; name a folder",
    "fifo": "is a file; name a folder",
    "/dev/null": "is a file; name a folder",
    ".": "is the current folder or above it",
    "..": "is the current folder or above it",
    "/": "is the current folder or above it",
    "loop": "is a link that leads to itself",
    "file/x": "cannot be written",
    "a" * 256: "cannot be",
}


@pytest.mark.parametrize("name", FOLDER_REFUSED)
def test_a_folder_is_refused_and_nothing_goes(place: Path, name: str) -> None:
    before = tree(place.parent)
    with pytest.raises(InputError) as caught:
        make(Path(name))
    assert_said(caught.value, name, FOLDER_REFUSED[name])
    assert tree(place.parent) == before


def test_folders_of_ours_and_empty_ones_are_replaced(place: Path) -> None:
    Path("linked").symlink_to("made")
    for name in ("new/deeper", "empty", "made", "linked"):
        make(Path(name))
        (Path(name) / "more").write_text("goes")
        make(Path(name))
        assert [path.name for path in Path(name).iterdir()] == ["mark.json"]
    assert Path("linked").is_symlink()
    assert not [path for path in place.rglob(".*")]


def test_trying_a_folder(place: Path) -> None:
    before = tree(place.parent)
    for good in ("new/deeper", "full", "folder-link", ".", "dangling"):
        try_folder(Path(good))
    for bad in ("file", "link", "fifo", "/dev/null", "file/x", "a" * 256, "loop"):
        with pytest.raises(InputError):
            try_folder(Path(bad))
    assert tree(place.parent) == before


def test_what_there_is(place: Path) -> None:
    assert exists(Path("full")) and is_folder(Path("folder-link")) and is_file(Path("link"))
    assert not exists(Path("dangling")) and not is_file(Path("fifo"))
    assert not exists(Path("file/x"))
    for bad in ("a" * 5000, "loop", "a\0b"):
        with pytest.raises(InputError, match="cannot be read"):
            exists(Path(bad))


def test_names_stay_inside_their_folder(place: Path) -> None:
    assert inside(Path("full"), "keep") == Path("full/keep")
    assert inside(Path("full"), "new/x") == Path("full/new/x")
    Path("full/out").symlink_to("../file")
    Path("full/up").symlink_to("..")
    for bad in (
        "",
        ".",
        "..",
        "../file",
        "a/../../file",
        "/etc/passwd",
        "a\\b",
        "a\0",
        "out",
        "up/x",
    ):
        with pytest.raises(InputError):
            inside(Path("full"), bad)


@pytest.fixture
def own() -> Iterator[Path]:
    with unprivileged() as folder:
        yield folder


def test_without_permission(own: Path) -> None:
    shut, read_only = own / "shut", own / "read-only"
    shut.mkdir()
    read_only.mkdir()
    (read_only / "file").write_text("old")
    (own / "file").write_text("old")
    (own / "file").chmod(0o400)
    shut.chmod(0o000)
    read_only.chmod(0o500)
    for path in (
        shut / "x",
        shut / "x/y",
        read_only / "x",
        read_only / "x/y",
        own / "file",
    ):
        for attempt in (write, try_file):
            with pytest.raises(InputError, match="Permission denied"):
                attempt(path)
    for folder in (shut / "x", read_only / "x"):
        for attempt in (make, try_folder):
            with pytest.raises(InputError, match="Permission denied"):
                attempt(folder)
    with pytest.raises(InputError, match="Permission denied"):
        exists(shut / "x")
    assert (own / "file").read_text() == "old"


def test_a_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="File name too long"):
        inside(tmp_path, 300 * "a")
