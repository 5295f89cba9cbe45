"""The report for people: everything that is not plainly well is said, once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.findings import CheckReport
from fbdeploy.check.reduction import baseline_of
from fbdeploy.check.render import as_markdown, as_text
from fbdeploy.check.rules import load_rules
from tests.fbdeploy.check.outputs import Output, disturbed, flip, output, right


def _report(folder: Path, changed: Output) -> CheckReport:
    before = baseline_of(output().write(folder / "before"))
    after = baseline_of(changed.write(folder / "after"))
    return compare_baselines(before, after, load_rules(), changed.manifest.labels)


def _regressed(folder: Path) -> CheckReport:
    changed = output()
    path = "int8/model.pte"
    of_class = [image for image in right(changed.top1[path]) if image % 10 == 0]
    changed.top1[path] = flip(changed.top1[path], np.array(of_class[:100]))
    changed.change_latencies(disturbed)
    labels = ("T|<b>shirt</b>", *changed.manifest.labels[1:])
    changed.manifest = changed.manifest.model_copy(update={"labels": labels})
    return _report(folder, changed)


def test_a_pass_is_a_table_and_a_verdict(tmp_path: Path) -> None:
    lines = as_text(_report(tmp_path, output())).splitlines()
    assert lines[0].split()[0] == "top-1"
    assert [line.split()[0] for line in lines[1:11]] == [
        name for name in ("executorch", "torchscript", "onnx", "coreml", "litert") for _ in "12"
    ]
    assert all(line.endswith("PASS") for line in lines[1:11])
    assert len({line.rindex("PASS") for line in lines[1:11]}) == 1
    assert lines[-1] == "PASS: no regression (62 PASS)"
    assert not any(line.startswith(("REGRESSED", "NOISY")) for line in lines)


def test_what_regressed_comes_first_and_alike_words_come_once(tmp_path: Path) -> None:
    text = as_text(_regressed(tmp_path))
    lines = text.splitlines()
    said = [line for line in lines[11:] if line]
    assert said[0].startswith("REGRESSED top-1: top-1 fell by 1.00 points, beyond 0.3 points")
    assert said[-1] == "REGRESSED: worse than the baseline (51 PASS, 8 NOISY, 3 REGRESSED)"
    (row,) = [line for line in lines if line.startswith("executorch int8")]
    assert "−1.00 (−1." in row and row.endswith("REGRESSED")
    noisy = [line for line in said if line.startswith("NOISY")]
    assert len(noisy) == 1 and "onnx fp32" in noisy[0] and "coreml" not in noisy[0]
    assert "T|<b>shirt</b> fell from" in text
    assert "Accuracy: this data shows a drop of 0." in text


def test_markdown_holds_the_same_and_nothing_breaks_its_table(tmp_path: Path) -> None:
    text = as_markdown(_regressed(tmp_path))
    lines = text.splitlines()
    assert lines[0].startswith("### REGRESSED: worse than the baseline")
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 12
    assert {line.count("|") - line.count("\\|") for line in rows} == {9}
    assert "<b>" not in text and "T\\|&lt;b&gt;shirt" in text
