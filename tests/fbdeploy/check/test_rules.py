"""The rules: defaults, a user's file, options, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fbdeploy.check.rules import load_rules
from tests.fbdeploy.cli.test_cli import fbdeploy
from zoo.errors import InputError


def test_a_file_and_options_replace_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("max_drop = 0.1\nmax_slowdown = 20\n[weights]\nlatency = 0.5\n")
    rules = load_rules(path, max_slowdown=30.0, max_growth=None)
    defaults = load_rules()
    assert (rules.max_drop, rules.max_slowdown, rules.weights.latency) == (0.1, 30.0, 0.5)
    assert rules.max_growth == defaults.max_growth
    assert rules.weights.accuracy == defaults.weights.accuracy
    assert load_rules() == defaults


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_dorp = 1", "max_dorp: Extra inputs are not permitted; the rules are false_alarm, "),
        ("max_drop = -1", "max_drop: Input should be greater than or equal to 0"),
        ("false_alarm = 1.0", "false_alarm: Input should be less than 1"),
        ("required = ['speed']", "required.0: "),
        ("weights = 3", "weights must be a table"),
        ("[weights]\nsize = 1", "weights.size: Extra inputs"),
        ("max_drop", "is not TOML"),
    ],
)
def test_what_is_no_rule_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_rules(path, max_drop=None, max_slowdown=5.0)
    assert str(caught.value).startswith(str(path)[:20]) and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_rules(tmp_path / "none.toml")


def test_an_option_that_cannot_be() -> None:
    with pytest.raises(InputError, match=r"^rules: max_slowdown: Input should be greater than 0"):
        load_rules(max_slowdown=0.0)


def test_the_help_tells_the_defaults() -> None:
    text = " ".join(fbdeploy("check", "--help").stdout.split())
    rules: dict[str, Any] = load_rules().model_dump()
    for option in ("max_drop", "max_class_drop", "max_slowdown", "max_growth"):
        words = text[text.index("--" + option.replace("_", "-")) :]
        assert words[words.index("[") :].startswith(f"[{rules[option]:g}]"), option
