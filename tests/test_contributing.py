"""What contributors are told is what the project's own files say."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_pre_commit_runs_the_linter_that_the_tests_run() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (ruff,) = hooks["repos"]
    pins = PYPROJECT["project"]["optional-dependencies"]["test"]
    assert f"ruff=={ruff['rev'].removeprefix('v')}" in pins
    assert [hook["id"] for hook in ruff["hooks"]] == ["ruff-check", "ruff-format"]


@pytest.mark.parametrize("path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=str)
def test_issue_templates_have_what_a_form_needs(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.name == "config.yml":
        assert form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= set(form)
    identifiers = [item["id"] for item in form["body"]]
    assert len(set(identifiers)) == len(identifiers)
    assert all(item["attributes"]["label"] for item in form["body"])


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_and_targets_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`?make ([a-z]+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_fragments_make_a_changelog(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "CHANGELOG.md").write_bytes((ROOT / "CHANGELOG.md").read_bytes())
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes/twins.fixed.md").write_text("Twins are told apart.\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "9.9.9"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.index("9.9.9") < text.index("Twins are told apart.") < text.index("## 0.1.0")
    kinds = {kind["directory"] for kind in PYPROJECT["tool"]["towncrier"]["type"]}
    for fragment in (ROOT / "changes").glob("*.md"):
        assert fragment.name.split(".")[1] in kinds, fragment
