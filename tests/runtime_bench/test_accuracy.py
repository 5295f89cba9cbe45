from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from runtime_bench.accuracy import (
    Evaluation,
    compare,
    document,
    evaluate,
    load_answers,
    mean_kl,
    save_answers,
)
from runtime_bench.runtimes import RUNTIMES
from tasks.table import TASKS
from tests.runtime_bench.artefacts import CLASSES, SHAPE, Artefacts, answers, images
from zoo.datasets import Batch
from zoo.datasets.class_map import ClassMap
from zoo.errors import InputError
from zoo.preprocess import Frame


def _batches(batch: np.ndarray, labels: np.ndarray, size: int = 8) -> Iterator[Batch]:
    for start in range(0, len(batch), size):
        part = slice(start, start + size)
        count = len(batch[part])
        names = tuple(f"{start + index}.png" for index in range(count))
        yield Batch(batch[part], labels[part], names)


class Echo:
    """Answers with the first pixels of each image."""

    input_shape = SHAPE
    threads = 1

    output_names = ("logits",)

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        return {"logits": batch[:, 0, 0, :CLASSES]}


def _evaluation(logits: object, labels: object) -> Evaluation:
    rows = np.array(logits, np.float32)
    return Evaluation.of_logits(rows, np.array(labels, np.int64), tuple(map(str, range(len(rows)))))


def test_evaluation_of_a_real_artefact(artefacts: Artefacts) -> None:
    batch = images(20)
    expected = answers(artefacts.network, batch)
    labels = np.random.default_rng(0).integers(0, CLASSES, 20)
    done: list[int] = []
    session = RUNTIMES["onnx"].load(artefacts("onnx", "fp32"), threads=1)
    result = evaluate(session, _batches(batch, labels), done.append)
    assert done == [8, 8, 4]
    assert result.images == 20
    assert result.names[:2] == ("0.png", "1.png")
    np.testing.assert_allclose(result.logits, expected, atol=1e-6)
    assert result.top1 == pytest.approx(np.mean(expected.argmax(1) == labels))
    # torch sorts by itself.
    top5 = torch.from_numpy(expected).topk(5).indices.numpy()
    assert result.top5 == pytest.approx(np.mean((top5 == labels[:, None]).any(1)))


def test_top5_breaks_ties_as_argmax_does() -> None:
    result = _evaluation([[1.0] * 7, [1.0] * 7], [4, 5])
    assert result.top5 == 0.5
    assert result.top1 == 0.0


def test_unlabelled_images_have_no_accuracy() -> None:
    result = _evaluation([[1.0, 0.0], [0.0, 1.0]], [-1, -1])
    assert (result.top1, result.top5, result.top1_interval) == (None, None, None)
    agreement = compare(result, result)
    assert agreement.agreement == 1.0
    assert agreement.mcnemar_p is None
    assert document("a.onnx", "onnx", None, result, agreement)["reference"] == {
        "top1": None,
        "agreement": 1.0,
        "kl": 0.0,
        "top1_difference": None,
        "difference_interval": None,
        "mcnemar_p": None,
    }


def test_comparison_against_independent_computations() -> None:
    generator = np.random.default_rng(1)
    theirs = generator.normal(0, 2, (300, 10)).astype(np.float32)
    ours = theirs + generator.normal(0, 0.5, (300, 10)).astype(np.float32)
    labels = theirs.argmax(1)
    labels[::4] = 0
    result = compare(_evaluation(ours, labels), _evaluation(theirs, labels))
    kl = torch.nn.functional.kl_div(
        torch.log_softmax(torch.from_numpy(ours), 1),
        torch.log_softmax(torch.from_numpy(theirs), 1),
        log_target=True,
        reduction="batchmean",
    )
    assert result.kl == pytest.approx(float(kl), rel=1e-4)
    # Noise of 0.5 on a signal of 2.
    assert result.sqnr_db == pytest.approx(20 * math.log10(4), abs=0.3)
    assert result.agreement == pytest.approx(np.mean(ours.argmax(1) == theirs.argmax(1)))
    assert result.top1_difference == pytest.approx(
        np.mean(ours.argmax(1) == labels) - np.mean(theirs.argmax(1) == labels)
    )
    assert result.difference_interval is not None
    assert result.top1_difference in result.difference_interval
    assert result.mcnemar_p is not None
    assert result.mcnemar_p < 1e-6
    assert result.max_abs == pytest.approx(np.abs(ours - theirs).max())


def test_kl_has_a_direction() -> None:
    sure, unsure = np.array([[8.0, 0.0]]), np.array([[0.0, 0.0]])
    probability = 1 / (1 + math.exp(-8))
    expected = (
        math.log(2)
        + probability * math.log(probability)
        + (1 - probability) * math.log(1 - probability)
    )
    assert mean_kl(sure, unsure) == pytest.approx(expected)
    assert mean_kl(unsure, sure) > 3


def test_document_has_the_keys_of_the_design() -> None:
    result = _evaluation([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [0, 1, 0])
    found = document("m.tflite", "litert", "int8", result, compare(result, result))
    assert list(found) == [
        *("artefact", "format", "precision", "images", "scores"),
        *("top1", "top5", "top1_interval", "reference"),
    ]
    assert found["reference"] is not None
    assert list(found["reference"]) == [
        *("top1", "agreement", "kl", "top1_difference", "difference_interval", "mcnemar_p"),
    ]
    again = json.loads(json.dumps(found))
    assert [score["metric"] for score in again["scores"]] == ["top1", "top5", "agreement"]
    assert again["scores"][0] == {
        "metric": "top1",
        "value": again["top1"],
        "interval": again["top1_interval"],
        "reference": again["reference"]["top1"],
        "difference": again["reference"]["top1_difference"],
        "difference_interval": again["reference"]["difference_interval"],
        "p": again["reference"]["mcnemar_p"],
        "classes": [],
    }
    assert again["scores"][2]["reference"] is None and again["scores"][2]["value"] == 1.0
    assert again["top1"] == pytest.approx(2 / 3)
    assert again["top5"] == 1.0
    assert again["top1_interval"] == pytest.approx([0.2077, 0.9385], abs=1e-4)
    assert document("m.tflite", "litert", "int8", result)["reference"] is None


def test_bad_data_is_named() -> None:
    batch = images(3)
    with pytest.raises(InputError, match=r"1\.png: has label 7, outside the artefact's classes"):
        evaluate(Echo(), _batches(batch, np.array([0, 7, 1])))
    batch[2, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"2\.png: .* not finite"):
        evaluate(Echo(), _batches(batch, np.zeros(3, np.int64)))
    with pytest.raises(InputError, match="no images"):
        evaluate(Echo(), iter(()))


def test_unlike_evaluations_are_not_compared() -> None:
    two = _evaluation([[1.0, 0.0], [0.0, 1.0]], [0, 1])
    with pytest.raises(InputError, match="same dataset"):
        compare(two, _evaluation([[1.0, 0.0]], [0]))
    with pytest.raises(InputError, match="2 classes and its reference 3 classes"):
        compare(two, _evaluation([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0, 1]))


def test_answers_are_kept(tmp_path: Path) -> None:
    result = _evaluation(np.random.default_rng(2).normal(size=(50, 10)), [3] * 50)
    path = tmp_path / "answers.npz"
    save_answers(result, path)
    again = load_answers(path)
    np.testing.assert_array_equal(again.logits, result.logits)
    assert [p.classes for p in again.predictions] == [p.classes for p in result.predictions]
    assert again.targets == result.targets
    assert again.names == result.names
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="no kept answers"):
        load_answers(path)
    with pytest.raises(InputError, match="no kept answers"):
        load_answers(tmp_path / "missing.npz")


class PixelEcho(Echo):
    """Answers with the images at a quarter of their resolution."""

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        return {"logits": np.ascontiguousarray(batch[:, :, ::4, ::4])}


def _masked(count: int, side: int = 16) -> Batch:
    generator = np.random.default_rng(3)
    images = generator.normal(size=(count, 3, side, side)).astype(np.float32)
    masks = generator.integers(0, 3, (count, side, side)).astype(np.uint8)
    masks[:, 0] = 255
    targets = [ClassMap.of(mask) for mask in masks]
    names = tuple(f"{index}.png" for index in range(count))
    return Batch(images, targets, names, (Frame.whole(side, side),) * count)


def test_a_segmenter_keeps_maps_and_no_logits(tmp_path: Path) -> None:
    batch, task = _masked(6), TASKS["segmentation"]
    found = evaluate(PixelEcho(), [batch], task=task)
    assert found.outputs is None and found.labelled
    assert found.predictions[0].classes.pixels().shape == (16, 16)
    save_answers(found, tmp_path / "kept.npz")
    kept = load_answers(tmp_path / "kept.npz")
    assert kept.predictions == found.predictions and kept.targets == found.targets
    assert kept.scores == found.scores and kept.names == found.names
    agreement = compare(found, kept)
    assert (agreement.agreement, agreement.kl, agreement.sqnr_db) == (1.0, None, None)
    told = document("a", "onnx", "fp32", found, agreement)
    assert [score["metric"] for score in told["scores"]] == [
        *("miou", "pixel_accuracy", "pixel_agreement"),
    ]
    assert told["top1"] is None and told["scores"][0]["difference"] == 0
    bad = np.full((16, 16), 9, np.uint8)
    wrong = batch._replace(targets=[*batch.targets[:2], ClassMap.of(bad), *batch.targets[3:]])
    with pytest.raises(InputError, match=r"2\.png: has class 9 in its mask"):
        evaluate(PixelEcho(), [wrong], task=task)
