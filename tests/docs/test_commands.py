"""Every command that a page shows is run, or stands in a table with the reason why it is not.

What takes minutes in one that is run is done by ``tests.docs.stand_ins``; the rest is the program's
own: options, files, networks, images, runtimes, documents, pages.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.cli.app import build
from tests.docs import world
from tests.docs.commands import BLOCK, PAGES, ROOT, shown
from tests.docs.not_run import NOT_RUN
from tests.docs.stand_ins import stand_in
from tests.fbdeploy.cli.in_process import command

COMMANDS = list(dict.fromkeys(one.text for one in shown()))
RUN = [text for text in COMMANDS if text not in NOT_RUN]
LARGE = 1_000_000
"""Bytes from which a file is linked and not copied."""


def _parse(arguments: list[str]) -> None:
    """Let click parse a command line, values and all, without running it."""
    group: Any = build()
    context = group.make_context("fbdeploy", list(arguments), resilient_parsing=False)
    name, found, rest = group.resolve_command(context, list(arguments))
    if hasattr(found, "resolve_command"):  # a group of commands
        inner, rest = rest[0], rest[1:]
        found = found.commands[inner]
    found.make_context(name, rest, parent=context)


def _place(source: str, target: str) -> None:
    if Path(source).stat().st_size > LARGE:
        Path(target).hardlink_to(source)
    else:
        shutil.copy(source, target)


def _lay_out(files: Path, folder: Path, text: str) -> None:
    """The reader's files; of deployments only those that the command names."""
    named = set(re.findall(r"\w+", text))
    left_out = [name for name in world.DEPLOYMENTS if name not in named]
    shutil.copytree(
        files,
        folder,
        copy_function=_place,
        ignore=lambda path, names: left_out if Path(path) == files else [],
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reader") / "files"
    folder.mkdir()
    world.make(folder)
    return folder


@pytest.fixture
def here(text: str, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own for each command, which is the current one."""
    _lay_out(files, tmp_path / "here", text)
    monkeypatch.chdir(tmp_path / "here")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("text", RUN)
def test_it_runs(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program, *arguments = shlex.split(text)
    assert program == "fbdeploy", f"{text}: is run by no test; say why in tests/docs/not_run.py"
    stand_in(monkeypatch, tmp_path / "plan.json")
    before = set(Path().iterdir())
    ran = command(capfd, *arguments)
    assert ran.code == 0, ran.err
    written = {"--output", "--page", "--log", "--write-baseline"} & set(arguments)
    for option in written:
        assert Path(arguments[arguments.index(option) + 1]).exists()
    if "--dry-run" in arguments:
        assert set(Path().iterdir()) == before


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("text", [one for one in NOT_RUN if one.startswith("fbdeploy ")])
def test_what_is_not_run_parses(text: str) -> None:
    for name in re.findall(r"\b[A-D]\.pte\b|\S*\bbin/\S+|DIR", text):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    _parse(shlex.split(text)[1:])


def test_the_table_names_what_pages_show_and_nothing_else() -> None:
    assert [text for text in NOT_RUN if text not in COMMANDS] == []
    for why in set(NOT_RUN.values()):
        for path in re.findall(r"tests/[\w/.]+\w", why):
            assert (ROOT / path).exists(), path


def test_pages_that_show_commands_are_found() -> None:
    pages = {one.page for one in shown()}
    guides = ("first-deploy", "install", "ci", "benchmark-device", "sweep", "cluster", "foreign")
    assert {"README.md", "android_demo/README.md", *(f"docs/{name}.md" for name in guides)} <= pages


def test_a_wrong_command_would_be_found() -> None:
    for wrong in (["deploy", "--no-such-option"], ["no-such-command"], ["bench", "--threads", "x"]):
        with pytest.raises(Exception) as caught:
            _parse(wrong)
        assert hasattr(caught.value, "format_message")


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for _, block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for target in re.findall(r"^make (?:\w+=\S+ )*(\w+)", block, re.MULTILINE):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: {target}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
