"""Files that a fuzzer made of good ones: each is refused by its reader in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.reader import Bench
from benchmarks.fuzz.table import READERS
from tests.fbdeploy.cli.damaged_folders import CASES

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="needs ../shared")

FUZZED = {
    "app_results_import+report": "app results",
    "baseline+compare": "baseline.json",
    "bundle_config": "bundle, model_config.json",
    "bundle_labels": "bundle, labels.txt",
    "manifest+report": "manifest.json, report",
    "manifest-baseline_of": "manifest.json, baseline",
    "predictions_npz": "predictions/*.npz",
    "recipe": "recipe",
    "results-baseline_of+compare": "results.jsonl, baseline",
    "results.read_lines+report": "results.jsonl, report",
    "results.read_measurements": "results.jsonl, bench",
    "rules": "rules",
    "sweep_plan": "sweep plan",
    "labels.csv": "labels.csv",
    "safetensors": "weights.safetensors",
}
"""The reader of each fuzzed file, by the beginning of the file's name."""


def _reader_of(path: Path) -> str:
    return FUZZED[max((one for one in FUZZED if path.name.startswith(one)), key=len)]


@pytest.mark.parametrize("reader", sorted(set(FUZZED.values())))
def test_fuzzed_files(reader: str, tmp_path: Path) -> None:
    files = [path for path in (CASES / "fuzz").iterdir() if _reader_of(path) == reader]
    assert files
    bench = Bench.of(next(one for one in READERS if one.name == reader), tmp_path)
    for path in files:
        bench.refusal(path.read_bytes())  # raises what is no line
