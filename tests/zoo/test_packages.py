from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from zoo.packages import requirement_of

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))[
    "project"
]


@pytest.mark.parametrize("package", ["torch", "onnxruntime", "executorch"])
def test_pins_are_those_of_the_project(package: str) -> None:
    assert requirement_of(package) in PROJECT["dependencies"]


def test_extras_count_and_names_may_be_spelled_as_modules_are() -> None:
    assert requirement_of("coremltools") in PROJECT["optional-dependencies"]["coreml"]
    assert requirement_of("ai_edge_litert") in PROJECT["optional-dependencies"]["litert"]
    assert requirement_of("AI.Edge-LiteRT") == requirement_of("ai-edge-litert")


def test_ranges_and_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["pillow[xmp] (>=11,<12) ; python_version > '3'", "rich"]
    monkeypatch.setattr(metadata, "requires", lambda _: lines)
    requirement_of.cache_clear()
    names = ("pillow", "rich", "nobody")
    assert [requirement_of(name) for name in names] == ["pillow>=11,<12", "rich", "nobody"]
    requirement_of.cache_clear()
