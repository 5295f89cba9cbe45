from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fbdeploy.compare.comparing import compare
from fbdeploy.compare.document import ComparedArtefact, DeploymentComparison
from fbdeploy.compare.page import render
from fbdeploy.compare.text import as_text
from stats.proportions import PairedOutcomes
from tests.fbdeploy.check.outputs import LABELS, flip, output, right, slower
from tests.fbdeploy.samples import on_phone
from zoo.errors import InputError


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return output().write(tmp_path_factory.mktemp("first") / "out")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LiteRT int8 lost 1 point, is half as large; ONNX int8 takes twice the time; no Core ML."""
    changed = output()
    top1 = changed.top1["int8/model.tflite"]
    changed.top1["int8/model.tflite"] = flip(top1, right(top1)[:100])
    changed.change_artefacts(
        lambda entry: {"bytes": entry.bytes // 2} if entry.path == "int8/model.tflite" else {}
    )
    changed.change_latencies(slower(2.0, "onnx"))
    kept = tuple(entry for entry in changed.manifest.artefacts if entry.format != "coreml")
    changed.manifest = changed.manifest.model_copy(update={"artefacts": kept})
    return changed.write(tmp_path_factory.mktemp("second") / "out")


@pytest.fixture(scope="module")
def document(first: Path, second: Path) -> DeploymentComparison:
    return compare(first, second)


def _artefact(document: DeploymentComparison, fmt: str, precision: str) -> ComparedArtefact:
    (found,) = (
        one for one in document.artefacts if (one.format, one.precision) == (fmt, precision)
    )
    return found


def test_the_same_folder_differs_in_nothing(first: Path) -> None:
    same = compare(first, first)
    assert same.notes == () and len(same.artefacts) == 10
    for one in same.artefacts:
        assert one.first == one.second and one.notes == ()
        assert one.score is not None and one.score.difference == 0.0
        assert (one.speed is None) == (one.format == "coreml")
        assert one.speed is None or (one.speed.ratio == 1.0 and one.speed.faster == 0)


def test_accuracy_is_paired_image_by_image(document: DeploymentComparison) -> None:
    one = _artefact(document, "litert", "int8")
    before, changed = output(), output()
    then = before.top1["int8/model.tflite"] == LABELS
    top1 = changed.top1["int8/model.tflite"]
    now = flip(top1, right(top1)[:100]) == LABELS
    expected = PairedOutcomes.of(now, then)
    assert one.score is not None
    assert one.score.difference == pytest.approx(float(np.mean(now) - np.mean(then)))
    assert one.score.difference_interval == expected.difference_interval()
    assert one.first and one.second and one.second.bytes == one.first.bytes // 2


def test_a_speed_is_told_beyond_the_noise_of_sessions(document: DeploymentComparison) -> None:
    speed = _artefact(document, "onnx", "int8").speed
    assert speed is not None and speed.faster == -1
    assert speed.ratio == pytest.approx(2.0, rel=0.05) and speed.ratio in speed.interval
    unchanged = _artefact(document, "litert", "int8").speed
    assert unchanged is not None and unchanged.faster == 0


def test_what_only_one_folder_has(
    document: DeploymentComparison, first: Path, second: Path
) -> None:
    one = _artefact(document, "coreml", "int8")
    assert one.first is not None and one.second is None and one.score is None
    other = _artefact(compare(second, first), "coreml", "int8")
    assert other.first is None and other.second == one.first


def test_other_images_are_not_paired_and_it_is_said(first: Path, tmp_path: Path) -> None:
    fewer = output().keep_images(5000).write(tmp_path / "out")
    document = compare(first, fewer)
    assert "5000" in document.notes[0] and "10000" in document.notes[0]
    assert all(one.score is None for one in document.artefacts)
    assert document.notes[0] in as_text(document)


def test_the_table_fits_a_terminal(document: DeploymentComparison) -> None:
    text = as_text(document)
    table = text.partition("\n\n")[2]
    assert max(map(len, table.splitlines())) <= 80
    (row,) = (line for line in text.splitlines() if line.startswith("LiteRT int8"))
    assert "−1.00 ±" in row and "same" in row
    (row,) = (line for line in text.splitlines() if line.startswith("ONNX int8"))
    assert "0.50x" in row


def test_the_page_tells_the_same(document: DeploymentComparison) -> None:
    page = render(document)
    assert "only in the first" in page and "−1.00 ±" in page and "0.50x" in page
    assert "http" not in page.partition("</style>")[2]


def test_it_comes_back_from_json(document: DeploymentComparison) -> None:
    assert DeploymentComparison.model_validate(json.loads(document.model_dump_json())) == document


def test_what_is_no_output_folder_is_refused(first: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no manifest\.json"):
        compare(first, tmp_path)


def test_both_sides_are_told_by_times_of_one_target(first: Path, tmp_path: Path) -> None:
    """The second's phone is no rival to the first's machine, even if its times are the latest."""
    changed = output()
    paths = {entry.path: 0.01 for entry in changed.manifest.artefacts}
    changed.lines += on_phone(changed.lines, paths)
    folder = changed.write(tmp_path / "out")
    document = compare(first, folder)
    for one in document.artefacts:
        if one.format == "coreml":
            continue
        assert one.first is not None and one.second is not None and one.speed is not None
        assert (one.first.target, one.second.target) == ("local", "local")
        assert one.first.latency_ms == one.second.latency_ms and one.speed.faster == 0
    alone = compare(folder, folder).artefacts[0]
    assert alone.first is not None and alone.first.target == "adb://P1"
