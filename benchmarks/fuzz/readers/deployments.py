"""What an output folder holds: the manifest, measurements, predictions, and the kept baseline."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz.reader import Reader
from fbdeploy.check.baseline import read_baseline, write_baseline
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import load_rules
from fbdeploy.records.manifest import read_manifest
from fbdeploy.records.results import read_lines
from fbdeploy.records.rows import document
from fbdeploy.records.sensitivity import sensitivity_of
from fbdeploy.report.page import write_report
from runtime_bench.measurement import read_measurements
from tests.fbdeploy.check.outputs import output
from tests.fbdeploy.samples import sample_sensitivity

IMAGES = 100
"""More of them only take longer to be read."""


def _folder(folder: Path) -> Path:
    return output().keep_images(IMAGES).write(folder / "out")


def _manifest(folder: Path) -> list[bytes]:
    return [(_folder(folder) / "manifest.json").read_bytes()]


def _results(folder: Path) -> list[bytes]:
    return [(_folder(folder) / "results.jsonl").read_bytes()]


def _baseline(folder: Path) -> list[bytes]:
    path = folder / "baseline.json"
    write_baseline(path, baseline_of(_folder(folder)))
    return [path.read_bytes()]


def _sensitivity(folder: Path) -> list[bytes]:
    _folder(folder)
    return [sample_sensitivity().model_dump_json().encode()]


def _report(path: Path) -> None:
    manifest, lines = read_manifest(path.parent), read_lines(path.parent)
    document(manifest, lines)
    write_report(path.parent, manifest, lines)


def _reduce(path: Path) -> None:
    baseline_of(path.parent)


def _compare(path: Path) -> None:
    before, folder = read_baseline(path), path.parent / "out"
    manifest = read_manifest(folder)
    report = compare_baselines(before, before, load_rules(), manifest.labels, manifest.failures)
    report.model_dump_json()


def _sensitivity_report(path: Path) -> None:
    sensitivity_of(path.parent, read_manifest(path.parent))


READERS = (
    Reader("manifest.json, report", _manifest, "out/manifest.json", _report),
    Reader("manifest.json, baseline", _manifest, "out/manifest.json", _reduce),
    Reader("results.jsonl, report", _results, "out/results.jsonl", _report),
    Reader("results.jsonl, baseline", _results, "out/results.jsonl", _reduce),
    Reader("results.jsonl, bench", _results, "out/results.jsonl", read_measurements),
    Reader(
        "sensitivity.json", _sensitivity, "out/sensitivity.json", _sensitivity_report, refuses=False
    ),
    Reader("baseline.json", _baseline, "baseline.json", _compare),
)
