"""benchmarks/regression_check: its script runs, and its results are of the rules in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.regression_check import run
from benchmarks.regression_check.rows import AccuracyRow, LatencyRow
from benchmarks.regression_check.tables import with_tables
from fbdeploy.check.rules import load_rules

FOLDER = Path(__file__).parents[3] / "benchmarks/regression_check"
RESULTS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


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


def test_the_page_shows_the_results() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    accuracy = [AccuracyRow(**row) for row in RESULTS["accuracy"]]
    latency = [LatencyRow(**row) for row in RESULTS["latency"]]
    assert with_tables(text, accuracy, latency) == text
    for artefacts, flips in RESULTS["flips_up_to_which_a_point_is_caught"].items():
        assert f"{100 * flips:.1f} %" in text, artefacts


def test_the_script_simulates() -> None:
    rules, generator = load_rules(), np.random.default_rng(0)
    pool = run.timings(5, 1.5, generator, rules)
    row = run.latency_row(1.5, pool, rules)
    assert row.caught + row.noisy == 1.0 and row.repetitions == 5
    quiet = run.timings(5, 1.0, generator, rules)
    dropped = run.accuracy_row(0.007, 3, 10, 0.02, 1, quiet, generator, rules)
    assert (dropped.caught, dropped.alarms, dropped.repetitions) == (1.0, 0.0, 5)
