"""A folder, a changed one, and what the check says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fbdeploy.check.baseline import Baseline
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.findings import CheckReport, Finding
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.rules import Rules, load_rules
from tests.fbdeploy.check.outputs import Output, output

INT8 = "int8/model.onnx"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Baseline:
    return baseline_of(output().write(tmp_path_factory.mktemp("before") / "out"))


@pytest.fixture
def check(before: Baseline, tmp_path: Path) -> Callable[..., CheckReport]:
    def run(changed: Output, rules: Rules | None = None) -> CheckReport:
        after = baseline_of(changed.write(tmp_path / "out"))
        return compare_baselines(before, after, rules or load_rules(), changed.manifest.labels)

    return run


Check = Callable[..., CheckReport]


def findings(report: CheckReport, measure: str, *verdicts: str) -> dict[str, Finding]:
    """Of one measure, by artefact; of these verdicts only, where some are given."""
    return {
        entry.name: found
        for entry in report.artefacts
        for found in entry.findings
        if found.measure == measure and (not verdicts or found.verdict in verdicts)
    }


def failed(report: CheckReport) -> set[tuple[str, str]]:
    return {(e.name, f.measure) for e in report.artefacts for f in e.findings if f.failed}
