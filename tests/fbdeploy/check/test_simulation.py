"""benchmarks/regression_check: its script runs, and its results are of the rules in force."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.regression_check import run, segmenters
from benchmarks.regression_check.rows import AccuracyRow, LatencyRow, MiouRow
from benchmarks.regression_check.tables import miou_table, with_table, with_tables
from fbdeploy.check.rules import load_rules

FOLDER = Path(__file__).parents[3] / "benchmarks/regression_check"
RESULTS: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
SEGMENTERS: dict[str, Any] = json.loads((FOLDER / "segmenters.json").read_text(encoding="utf-8"))
MIOU_ROWS = [MiouRow(**row) for row in SEGMENTERS["rows"]]


def test_the_results_are_of_the_rules_in_force() -> None:
    rules = load_rules().model_dump(mode="json")
    assert RESULTS["rules"] == SEGMENTERS["rules"] == rules


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


def test_the_results_keep_the_promise_of_mean_iou() -> None:
    assert SEGMENTERS["images"] == 500
    assert all(row.repetitions >= 200 for row in MIOU_ROWS)
    # Noise is larger than the limit here, so alarms are as often as the test's level lets them be:
    # none may be beyond it by more than chance.
    assert all(row.alarms_interval[0] <= 0.05 for row in MIOU_ROWS)
    for artefacts in (1, 5):
        caught = {row.drop: row.caught for row in MIOU_ROWS if row.artefacts == artefacts}
        smallest = min(drop for drop, share in caught.items() if share >= 0.95)
        assert 0 < smallest < 0.03
        assert all(share >= 0.95 for drop, share in caught.items() if drop >= smallest)


def test_the_page_shows_the_results() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert with_table(text, "miou", miou_table(MIOU_ROWS)) == text
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


def test_the_script_simulates_segmenters() -> None:
    rules, generator = load_rules(), np.random.default_rng(0)
    pool = run.timings(3, 1.0, generator, rules)
    drawn = [segmenters.repetition(generator, 1, [0.1], rules) for _ in range(3)]
    row = segmenters.row(drawn, pool, 1, 0, rules)
    assert (row.caught, row.alarms, row.repetitions) == (1.0, 0.0, 3)
    assert 0.05 < row.drop < 0.2 and row.spread < 0.02
