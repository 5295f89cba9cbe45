"""The file: what goes in comes out, it is small, and what is damaged is refused in one line."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fbdeploy.check.baseline import Baseline, read_baseline, write_baseline
from fbdeploy.check.packing import pack, unpack
from fbdeploy.check.reduction import baseline_of
from fbdeploy.records.predictions import (
    Predictions,
    images_sha256,
    read_predictions,
    remove_unused,
    write_predictions,
)
from fbdeploy.records.results import EvaluationLine
from tasks.classification.metrics import AGREEMENT, TOP1
from tests.fbdeploy.check.outputs import IMAGES, LABELS, output, predictions
from tests.fbdeploy.samples import digest
from zoo.datasets import FolderDataset, open_dataset
from zoo.datasets.masks import open_masks
from zoo.errors import InputError
from zoo.scenes import SCENE_SPLITS

DOCS = Path(__file__).parents[3] / "docs/results.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return output().write(tmp_path_factory.mktemp("baseline") / "out")


@pytest.fixture(scope="module")
def baseline(folder: Path) -> Baseline:
    return baseline_of(folder)


@pytest.mark.parametrize(
    "values", [[], [0], [-1, 0, 999, 2**31 - 1, -(2**31)], list(range(-50, 50))]
)
def test_packed_values_come_back(values: list[int]) -> None:
    given = np.array(values, np.int32)
    text = pack(given)
    assert np.array_equal(unpack(text, len(values)), given)
    by_hand = b"".join(value.to_bytes(4, "little", signed=True) for value in values)
    assert zlib.decompress(base64.b64decode(text)) == by_hand


def test_another_count_or_text_is_refused() -> None:
    text = pack(np.arange(5, dtype=np.int32))
    for wrong, count in ((text, 4), (text, 6), ("###", 1), ("AAAA", 1), (text[:-4], 5)):
        with pytest.raises(ValueError, match="packed values"):
            unpack(wrong, count)


def test_a_text_that_inflates_without_end_does_not_fill_the_memory() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(50_000_000), 9)).decode()
    with pytest.raises(ValueError, match="are not 10 packed values"):
        unpack(bomb, 10)


def test_it_holds_what_was_measured(baseline: Baseline) -> None:
    made = output()
    assert [record.key for record in baseline.artefacts] == [
        (entry.format, entry.precision, entry.variant) for entry in made.manifest.artefacts
    ]
    assert np.array_equal(baseline.labels(), LABELS)
    assert baseline.data is not None and baseline.data.task == "classification"
    for record, entry in zip(baseline.artefacts, made.manifest.artefacts, strict=True):
        top1, reference = made.top1[entry.path], made.reference
        for metric, expected in ((TOP1, top1 == LABELS), (AGREEMENT, top1 == reference)):
            found = baseline.evaluation(record, metric)
            assert found is not None and np.array_equal(found.parts[:, 0], expected)
        assert record.bytes == entry.bytes and record.sha256 == entry.sha256
        assert entry.coverage is not None and record.int8_share == entry.coverage.int8_share
        assert len(record.latencies) == (0 if entry.format == "coreml" else 1)
        for latency in record.latencies:
            assert 20 <= len(latency.rounds_ns) <= 25 and latency.threads == 1


def test_the_file_is_small_and_comes_back(baseline: Baseline, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, baseline)
    assert read_baseline(path) == baseline
    assert path.stat().st_size < 100_000
    assert list(tmp_path.iterdir()) == [path]


def test_the_newest_evaluation_and_latency_count(tmp_path: Path) -> None:
    made = output()
    old_lines = [
        line.model_copy(update={"samples_ns": tuple(9 * one for one in line.samples_ns)})
        if not isinstance(line, EvaluationLine)
        else line
        for line in made.lines
    ]
    expected = baseline_of(made.write(tmp_path / "one"))
    made.lines = [*old_lines, *made.lines]
    assert baseline_of(made.write(tmp_path / "two")).artefacts == expected.artefacts


def _changed(baseline: Baseline, change: Any) -> str:
    document = json.loads(baseline.model_dump_json())
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(schema_version=3), "has schema_version 3, this fbdeploy reads 2"),
        (lambda d: d.pop("network"), "network: Field required"),
        (lambda d: d.update(artefacts=[]), "artefacts"),
        (lambda d: d.update(more=1), "more: Extra inputs"),
        (lambda d: d["data"].update(labels="AAAA"), "the predictions are not packed values"),
        (lambda d: d["data"].update(images=5), "the predictions are not 5 packed values"),
        (
            lambda d: d["artefacts"][0]["parts"]["top1"].update(data=""),
            "the predictions are not",
        ),
    ],
)
def test_a_damaged_file_is_refused(
    baseline: Baseline, tmp_path: Path, change: Any, said: str
) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(_changed(baseline, change))
    with pytest.raises(InputError) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(f"{path}: ") and said in str(caught.value)
    advice = "update this one" if "schema_version" in said else "--write-baseline"
    assert advice in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "\udcff"])
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match="--write-baseline"):
        read_baseline(path)


def test_a_folder_scored_without_predictions_is_refused(tmp_path: Path) -> None:
    folder = output().write(tmp_path / "out")
    next((folder / "predictions").iterdir()).unlink()
    with pytest.raises(InputError, match=r"keeps no predictions of .*deploy command again"):
        baseline_of(folder)


def test_a_folder_without_artefacts_is_refused(tmp_path: Path) -> None:
    made = output()
    made.change_artefacts(lambda entry: {})
    made.manifest = made.manifest.model_copy(update={"artefacts": ()})
    with pytest.raises(InputError, match="holds no artefacts"):
        baseline_of(made.write(tmp_path / "out"))


def _predictions(names: tuple[str, ...] = ("a/ü.png", "b.png")) -> Predictions:
    values = np.arange(len(names), dtype=np.int32)
    return predictions(digest("i"), names, values, values + 1, values + 2)


def test_predictions_come_back(tmp_path: Path) -> None:
    given = _predictions()
    path = write_predictions(tmp_path, "key", given)
    assert path == "predictions/key.npz"
    found = read_predictions(tmp_path / path)
    assert (found.images_sha256, found.names) == (given.images_sha256, given.names)
    assert (found.task, found.predictions) == ("classification", given.predictions)
    assert found.reference == given.reference
    assert np.array_equal(found.labels, given.labels) and found.labels.dtype == np.int32
    assert list(found.parts) == list(given.parts) == ["agreement", "top1"]
    for name, parts in given.parts.items():
        assert np.array_equal(found.parts[name], parts)


def test_predictions_of_version_1_come_back(tmp_path: Path) -> None:
    names, values = np.array(["a", "b", "c"]), np.array([0, 2, 1], np.int32)
    path = tmp_path / "old.npz"
    np.savez_compressed(
        path,
        images_sha256=np.array(digest("i")),
        names=names,
        labels=np.array([0, 1, 1], np.int32),
        top1=values,
        reference=np.array([0, 2, 2], np.int32),
    )
    found = read_predictions(path)
    assert [p.classes for p in found.predictions] == [(0,), (2,), (1,)]
    assert [p.classes for p in found.reference] == [(0,), (2,), (2,)]
    assert found.parts["top1"].tolist() == [[1.0], [0.0], [1.0]]
    assert found.parts["agreement"].tolist() == [[1.0], [1.0], [0.0]]


def test_ten_thousand_predictions_are_small(folder: Path) -> None:
    assert IMAGES == 10_000
    assert all(path.stat().st_size < 100_000 for path in (folder / "predictions").iterdir())


def test_cut_off_predictions_are_refused(tmp_path: Path) -> None:
    path = tmp_path / write_predictions(tmp_path, "key", _predictions())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="holds no predictions"):
        read_predictions(path)
    with pytest.raises(InputError, match="holds no predictions"):
        read_predictions(tmp_path / "none.npz")


def test_unused_predictions_are_removed(tmp_path: Path) -> None:
    remove_unused(tmp_path, [None])  # there is no folder yet
    paths = [write_predictions(tmp_path, key, _predictions()) for key in ("one", "two", "three")]
    remove_unused(tmp_path, [paths[1], None, "predictions/never.npz"])
    assert [path.name for path in (tmp_path / "predictions").iterdir()] == ["two.npz"]


def test_images_are_known_by_name_and_contents_alone(tmp_path: Path) -> None:
    names = ("a/1.png", "a/2.png")
    for place in ("here", "there"):
        (tmp_path / place / "a").mkdir(parents=True)
        for name in names:
            (tmp_path / place / name).write_bytes(name.encode())
    here, there = (FolderDataset(str(tmp_path / place), ()) for place in ("here", "there"))
    first = images_sha256(here, names)
    assert first == images_sha256(there, names)
    assert first != images_sha256(here, names[::-1]) and first != images_sha256(here, names[:1])
    (tmp_path / "there/a/2.png").write_bytes(b"other")
    assert first != images_sha256(there, names)
    with pytest.raises(InputError, match=r"3\.png: cannot be read"):
        images_sha256(here, ("a/3.png",))


def test_embedded_images_are_known_by_their_names_and_file() -> None:
    names = ("fashion-mnist/00000", "fashion-mnist/00001")
    test = open_dataset("fashion-mnist")
    assert images_sha256(test, names) != images_sha256(test, names[:1])
    calibration = open_dataset("fashion-mnist-calibration")
    assert images_sha256(test, names) != images_sha256(calibration, names)


def test_masks_count_as_their_images(tmp_path: Path) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        Image.new("L", (4, 4), 1).save(tmp_path / part / "a.png")
    first = images_sha256(open_masks(tmp_path), ("a.png",))
    assert first == images_sha256(open_masks(tmp_path), ("a.png",))
    Image.new("L", (4, 4), 2).save(tmp_path / "masks" / "a.png")
    other = images_sha256(open_masks(tmp_path), ("a.png",))
    (tmp_path / "mask_classes.json").write_text('{"2": 1}')
    assert len({first, other, images_sha256(open_masks(tmp_path), ("a.png",))}) == 3
    scenes = [open_masks(name) for name in SCENE_SPLITS]
    assert len({images_sha256(split, ("one",)) for split in scenes}) == len(SCENE_SPLITS)


def test_the_documented_schema_is_the_one_in_force() -> None:
    """Regenerate with: python -m tests.fbdeploy.write_schema"""
    text = DOCS.read_text(encoding="utf-8")
    block = re.search(r"```json baseline schema\n(.*?)```", text, re.DOTALL)
    assert block is not None
    assert json.loads(block[1]) == Baseline.model_json_schema()
