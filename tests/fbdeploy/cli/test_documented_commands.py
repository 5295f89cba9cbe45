"""Every fbdeploy command of the README and docs/ is one that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.cli.app import build

ROOT = Path(__file__).parents[3]
APPS = [ROOT / app / "README.md" for app in ("android_demo", "ios_demo")]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *APPS]
BLOCK = re.compile(r"^ *```(?:console|sh)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

FILE = re.compile(r"^```toml\n# (\w+\.toml)\b[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _commands() -> list[tuple[str, str]]:
    """Page and command line of everything in ``console`` (after ``$``) and ``sh`` blocks."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            joined = block.replace("\\\n", " ")
            for line in joined.splitlines():
                text = line.strip().removeprefix("$ ")
                if text.startswith("fbdeploy "):
                    found.append((page.name, text))
    return found


def _parse(arguments: list[str]) -> None:
    """Let click parse a command line, values and all, without running it."""
    group: Any = build()
    context = group.make_context("fbdeploy", list(arguments), resilient_parsing=False)
    if not arguments or arguments[0].startswith("-"):
        return
    name, command, rest = group.resolve_command(context, list(arguments))
    if hasattr(command, "resolve_command"):  # a group of commands
        inner, rest = rest[0], rest[1:]
        command = command.commands[inner]
    command.make_context(name, rest, parent=context)


COMMANDS = _commands()


def test_there_are_commands_on_every_page_that_shows_some() -> None:
    pages = {page for page, _ in COMMANDS}
    assert {
        "README.md",
        "first-deploy.md",
        "install.md",
        "ci.md",
        "benchmark-device.md",
        "sweep.md",
        "cluster.md",
    } <= pages


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current folder with the files that pages show: TOML whose first line names it."""
    for page in PAGES:
        for name, content in FILE.findall(page.read_text(encoding="utf-8")):
            (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_it_parses(page: str, command: str) -> None:
    arguments = shlex.split(command, comments=True)[1:]
    if arguments == ["--version"]:
        return  # ends the program while it parses; test_cli runs it
    _parse(arguments)


def test_a_wrong_command_would_be_found() -> None:
    for wrong in (["deploy", "--no-such-option"], ["no-such-command"], ["bench", "--threads", "x"]):
        with pytest.raises(Exception) as caught:
            _parse(wrong)
        assert hasattr(caught.value, "format_message")


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for target in re.findall(r"^make (?:\w+=\S+ )*(\w+)$", block, re.MULTILINE):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: {target}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
