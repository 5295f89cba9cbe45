"""Every path option of every command, given every kind of place that it cannot be: one line, and
nothing is changed. The options are found by their types, so a new one is tested too."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from fbdeploy.cli.app import COMMANDS
from fbdeploy.cli.cluster import cluster
from fbdeploy.cli.types import paths
from tests.fbdeploy.cli.in_process import command
from tests.unprivileged import unprivileged
from tests.zoo.test_files import tree

LONG = "n" * 256
DEEP = "d/" * 2500 + "x"
BYTES = b"\xfe.json".decode(errors="surrogateescape")

ANYWHERE = ("", "  ", LONG, DEEP, BYTES, "a\0b", "loop", "shut/x", f"{LONG}/x", "x" * 5000)
SPECIAL = ("fifo", "/dev/null")
FOLDERS = ("full", "full/", ".", "..", "/", "folder-link")
UNWRITABLE = ("file/x", "read-only/x", "read-only/x/y", "/proc/x/y")
STREAMS = ("/dev/full", "/dev/stdout")

REFUSED = {
    paths.path_in: (*ANYWHERE, *SPECIAL),
    paths.file_or_name: (*ANYWHERE, *SPECIAL),
    paths.network: (
        *ANYWHERE,
        *SPECIAL,
        f"{LONG}.py:f",
        "shut/m.py:f",
        f"{BYTES}.py:f",
        "fifo.py:f",
    ),
    paths.file_in: (*ANYWHERE, *SPECIAL, *FOLDERS),
    paths.folder_in: (*ANYWHERE, *SPECIAL, "file", "file-link"),
    paths.file_out: (*ANYWHERE, *SPECIAL, *FOLDERS, *UNWRITABLE, *STREAMS, "new/"),
    paths.file_to_extend: (*ANYWHERE, *SPECIAL, *FOLDERS, *UNWRITABLE, *STREAMS),
    paths.folder_out: (*ANYWHERE, *SPECIAL, *UNWRITABLE, "file", "file-link"),
}


@dataclass(frozen=True)
class Option:
    """An option or argument of a command whose text is a path."""

    command: str
    name: str
    flag: str
    kind: object
    required: bool


def _all_commands() -> Iterator[tuple[str, Callable[..., None]]]:
    yield from COMMANDS.items()
    for one in cluster.registered_commands:
        assert one.callback is not None
        yield f"cluster {one.callback.__name__}", one.callback


ALL_COMMANDS = dict(_all_commands())


def _options() -> Iterator[Option]:
    for name, function in ALL_COMMANDS.items():
        for parameter in inspect.signature(function, eval_str=True).parameters.values():
            for extra in get_args(parameter.annotation):
                kind = getattr(extra, "parser", None)
                if kind in REFUSED:
                    is_option = type(extra).__name__ == "OptionInfo"
                    flag = f"--{parameter.name.replace('_', '-')}" if is_option else ""
                    required = parameter.default is parameter.empty
                    yield Option(name, parameter.name, flag, kind, required)


OPTIONS = tuple(_options())


def test_all_commands_with_paths_are_here() -> None:
    assert {one.command for one in OPTIONS} == set(ALL_COMMANDS)
    assert {one.kind for one in OPTIONS} == set(REFUSED)
    assert len(OPTIONS) >= 30


@pytest.fixture
def place() -> Iterator[Path]:
    """A current folder with everything that a path may meet, of a user who is not root."""
    # The way back is a descriptor: by its path the checkout may be out of this user's reach.
    back = os.open(".", os.O_RDONLY)
    with unprivileged() as above:
        here = above / "here"
        here.mkdir()
        (here / "full").mkdir()
        (here / "full/keep").write_text("precious")
        (here / "file").write_text("old")
        (here / "file-link").symlink_to("file")
        (here / "folder-link").symlink_to("full")
        (here / "loop").symlink_to("loop")
        os.mkfifo(here / "fifo")
        os.mkfifo(here / "fifo.py")
        for name, mode in (("shut", 0o000), ("read-only", 0o555)):
            (here / name).mkdir()
            (here / name).chmod(mode)
        (above / "precious").write_text("precious")
        os.chdir(here)
        yield here
    os.fchdir(back)
    os.close(back)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda one: f"{one.command} {one.flag or one.name}")
def test_what_a_path_cannot_be(
    option: Option, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = tree(place.parent)
    for text in REFUSED[option.kind]:  # type: ignore[index]
        arguments = _arguments(option, text)
        line = command(capfd, *arguments).line
        assert line.startswith(option.flag), (arguments, line)
        assert tree(place.parent) == before, (arguments, line)


def _arguments(option: Option, text: str) -> list[str]:
    """A command line that has ``text`` for the option, and what the command needs besides."""
    flags: list[str] = []
    places = ["build"] if option.command == "runner" else []
    if option.command == "cluster host":
        flags += ["--name", "lab1"]
    for other in OPTIONS:
        if other.command != option.command or not (other.required or other == option):
            continue
        good = "full" if other.kind is paths.folder_in else "file"
        value = text if other == option else good
        if other.flag:
            flags += [other.flag, value]
        else:
            places.append(value)
    return [*option.command.split(), *flags, "--", *places]
