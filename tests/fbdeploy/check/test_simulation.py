"""benchmarks/regression_check: its script runs, and its results are of the rules in force."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fbdeploy.check.rules import load_rules

FOLDER = Path(__file__).parents[3] / "benchmarks/regression_check"
RESULTS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("regression_check_run", FOLDER / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_the_results_are_of_the_rules_in_force() -> None:
    assert RESULTS["rules"] == load_rules().model_dump(mode="json")


def test_the_results_keep_the_promise() -> None:
    rows = RESULTS["accuracy"]
    assert all(row["repetitions"] >= 1000 and row["alarms"] <= 0.05 for row in rows)
    assert all(row["alarms"] <= 0.05 for row in RESULTS["latency"])
    flips = RESULTS["flips_up_to_which_a_point_is_caught"]
    promised = [
        row for row in rows if row["drop"] == 0.01 and row["flips"] <= flips[str(row["artefacts"])]
    ]
    assert len(promised) >= 10
    assert all(row["caught"] >= 0.95 for row in promised)


def test_the_page_shows_the_results(script: ModuleType) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    accuracy = [script.AccuracyRow(**row) for row in RESULTS["accuracy"]]
    latency = [script.LatencyRow(**row) for row in RESULTS["latency"]]
    assert script.with_tables(text, accuracy, latency) == text
    for artefacts, flips in RESULTS["flips_up_to_which_a_point_is_caught"].items():
        assert f"{100 * flips:.1f} %" in text, artefacts


def test_the_script_simulates(script: ModuleType) -> None:
    rules, generator = load_rules(), np.random.default_rng(0)
    pool = script.timings(5, 1.5, generator, rules)
    row = script.latency_row(1.5, pool, rules)
    assert row.caught + row.noisy == 1.0 and row.repetitions == 5
    quiet = script.timings(5, 1.0, generator, rules)
    dropped = script.accuracy_row(0.007, 3, 10, 0.02, 1, quiet, generator, rules)
    assert (dropped.caught, dropped.alarms, dropped.repetitions) == (1.0, 0.0, 5)
