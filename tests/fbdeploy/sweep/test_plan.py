"""The sweep's TOML file and options."""

from __future__ import annotations

from pathlib import Path

import pytest

from fbdeploy.sweep.plan import TargetPlan, read_plan, recipe_title
from zoo.errors import InputError

ROOT = Path(__file__).parents[3]


def _plan(folder: Path, text: str) -> Path:
    path = folder / "sweep.toml"
    path.write_text(text)
    return path


def test_names_stand_for_tables_and_options_for_keys(tmp_path: Path) -> None:
    path = _plan(
        tmp_path,
        """
        networks = ["fbnetv3_b", {name = "nets.py:small", weights = "w.pth", label = "ours"}]
        targets = ["local", {address = "adb://A B", cores = [4, 5], cool_below = 35}]
        recipes = ["ptq", "mine/own.toml"]
        formats = ["onnx"]
        threads = [1, 2]
        images = "all"
        """,
    )
    plan = read_plan(path, {"threads": (4,)})
    assert [network.title for network in plan.networks] == ["fbnetv3_b", "ours"]
    assert plan.networks[1].weights == "w.pth"
    assert plan.targets[1] == TargetPlan(address="adb://A B", cores=(4, 5), cool_below=35)
    assert (plan.threads, plan.images, plan.mode) == ((4,), None, "quick")
    assert [recipe_title(recipe) for recipe in plan.recipes] == ["ptq", "own"]


def test_float_artefacts_are_made_once_and_trained_ones_where_the_recipe_trains() -> None:
    plan = read_plan(None, {"networks": ["a"], "recipes": ["ptq-fast", "ptq", "qat-short"]})
    made = [plan.builds_of(recipe) for recipe in plan.recipes]
    assert made == [("fp32", "int8"), ("int8",), ("int8", "int8-qat")]
    named = read_plan(None, {"networks": ["a"], "precisions": ["fp16", "int8"]})
    assert named.builds_of("ptq") == ("fp16", "int8")
    floats = read_plan(None, {"networks": ["a"], "precisions": ["fp32"], "recipes": ["ptq", "b"]})
    assert floats.builds_of("b") == ()


def test_options_alone() -> None:
    plan = read_plan(None, {"networks": ["nets.py:small"], "formats": ("onnx",)})
    assert [network.title for network in plan.networks] == ["small"]
    assert [target.address for target in plan.targets] == ["local"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no network; give --networks"),
        ("networks = [", "is not TOML"),
        ('networks = ["a"]\nspeed = 1', "speed: Extra inputs are not permitted"),
        ('networks = ["a"]\nthreads = [0]', "threads.0: Input should be greater"),
        ('networks = ["a"]\nformats = ["tflite"]', "formats.0: Input should be 'executorch'"),
        ('networks = ["a", "a"]', "networks: 'a' is there more than once; give each a label"),
        ('networks = ["a"]\ntargets = ["toaster"]', "toaster: is not a target"),
        ('networks = ["a"]\nmode = "slow"', "--mode slow: is unknown"),
        ('networks = ["a"]\nrecipes = ["ptq", "x/ptq.toml"]', "recipes: 'ptq' is there more than"),
        ('networks = ["a"]\ntargets = []', "targets: Tuple should have at least 1 item"),
    ],
)
def test_bad_plans_are_one_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_plan(_plan(tmp_path, text), {})
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        read_plan(tmp_path / "none.toml", {})


def test_the_documented_plan_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs/sweep.md").read_text(encoding="utf-8")
    block = text.partition("```toml\n")[2].partition("```")[0]
    plan = read_plan(_plan(tmp_path, block), {})
    assert len(plan.networks) > 1 and len(plan.targets) > 1


def test_a_target_s_calibration_is_its_latency_model_and_says_so(tmp_path: Path) -> None:
    text = """
networks = ["a"]
targets = ["local", {address = "arm://cortex-a76", calibration = "pixel.json"}]
"""
    renamed: list[tuple[str, str]] = []
    plan = read_plan(_plan(tmp_path, text), {}, lambda old, new: renamed.append((old, new)))
    assert plan.targets[1].latency_model == Path("pixel.json")
    assert renamed == [("a target's calibration", "latency_model")]
