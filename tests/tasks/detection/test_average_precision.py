"""Average precision against pycocotools and faster-coco-eval, and by hand."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from faster_coco_eval import COCO as FasterCoco
from faster_coco_eval import COCOeval_faster
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tasks.detection.average_precision import (
    AREAS,
    THRESHOLDS,
    Kind,
    Size,
    average_precision,
)
from tasks.detection.objects import Found, Wanted, encoded
from zoo.datasets.detection.run_lengths import from_array

SIDE, CLASSES, IMAGES = 240, 4, 12


def _ellipse(box: NDArray[np.float32]) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 0.5)
    inside = ((columns - centre[0]) / half[0]) ** 2 + ((rows - centre[1]) / half[1]) ** 2 <= 1
    return np.asarray(inside)


def _boxes(generator: np.random.Generator, count: int) -> NDArray[np.float32]:
    corner = generator.uniform(0, SIDE * 0.6, (count, 2))
    size = np.exp(generator.uniform(np.log(6), np.log(SIDE * 0.7), (count, 2)))
    return np.concatenate((corner, np.minimum(corner + size, SIDE)), axis=1).astype(np.float32)


def _images(seed: int) -> tuple[list[Found], list[Wanted]]:
    """Objects of every size, some of them crowds, and detections near them and elsewhere."""
    generator = np.random.default_rng(seed)
    found, wanted = [], []
    for _ in range(IMAGES):
        count = int(generator.integers(0, 7))
        boxes, labels = _boxes(generator, count), generator.integers(0, CLASSES, count)
        crowd = generator.random(count) < 0.15
        masks = [from_array(_ellipse(box)) for box in boxes]
        areas = np.array([sum(mask.counts[1::2]) for mask in masks], np.float64)
        wanted.append(Wanted(SIDE, SIDE, boxes, labels, areas, crowd, tuple(masks)))
        near = np.repeat(boxes, 3, axis=0)
        near = near + generator.normal(0, 1, near.shape) * (near[:, 2:3] - near[:, :1]) * 0.1
        all_boxes = np.concatenate((near, _boxes(generator, 5))).clip(0, SIDE).astype(np.float32)
        all_labels = np.concatenate((np.repeat(labels, 3), generator.integers(0, CLASSES, 5)))
        scores = generator.random(len(all_boxes)).round(2).astype(np.float32)  # some are equal
        order = np.argsort(-scores, kind="stable")
        all_boxes, all_labels, scores = all_boxes[order], all_labels[order], scores[order]
        own = tuple(from_array(_ellipse(box)) for box in all_boxes)
        found.append(Found(all_boxes, scores, all_labels, own))
    return found, wanted


def _xywh(box: NDArray[np.float32]) -> list[float]:
    left, top, right, bottom = (float(value) for value in box)
    return [left, top, right - left, bottom - top]


def _documents(
    found: list[Found], wanted: list[Wanted]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    truth: dict[str, Any] = {
        "info": {},
        "images": [{"id": i + 1, "width": SIDE, "height": SIDE} for i in range(len(wanted))],
        "categories": [{"id": label, "name": str(label)} for label in range(CLASSES)],
        "annotations": [],
    }
    results = []
    for image, (detections, objects) in enumerate(zip(found, wanted, strict=True)):
        assert objects.masks is not None and detections.masks is not None
        for number, box in enumerate(objects.boxes):
            truth["annotations"].append(
                {
                    "id": len(truth["annotations"]) + 1,
                    "image_id": image + 1,
                    "category_id": int(objects.labels[number]),
                    "bbox": _xywh(box),
                    "area": float(objects.areas[number]),
                    "iscrowd": int(objects.crowd[number]),
                    "segmentation": encoded(objects.masks[number], (SIDE, SIDE)),
                }
            )
        for number, box in enumerate(detections.boxes):
            results.append(
                {
                    "image_id": image + 1,
                    "category_id": int(detections.labels[number]),
                    "bbox": _xywh(box),
                    "score": float(detections.scores[number]),
                    "segmentation": encoded(detections.masks[number], (SIDE, SIDE)),
                }
            )
    return truth, results


def _reference(found: list[Found], wanted: list[Wanted], kind: Kind) -> Any:
    """pycocotools' evaluation."""
    truth, results = _documents(found, wanted)
    # Of results with both, its tools take the box's area for the mask's.
    other = {"box": "segmentation", "mask": "bbox"}[kind]
    results = [{key: part for key, part in one.items() if key != other} for one in results]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), {"box": "bbox", "mask": "segm"}[kind])
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("kind", ["box", "mask"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_figures_are_pycocotools(kind: Kind, seed: int) -> None:
    found, wanted = _images(seed)
    stats = _reference(found, wanted, kind).stats
    whole = average_precision(found, wanted, kind)
    sizes: tuple[Size, ...] = ("small", "medium", "large")
    ours = [whole.value(), whole.at(0.5).value(), whole.at(0.75).value()]
    ours += [average_precision(found, wanted, kind, size).value() for size in sizes]
    assert ours == pytest.approx(stats[:6].tolist(), abs=1e-9)
    assert 0.1 < ours[0] < 0.9


def test_the_figure_is_faster_coco_evals() -> None:
    found, wanted = _images(3)
    truth, results = _documents(found, wanted)
    coco = FasterCoco(truth)
    evaluation = COCOeval_faster(coco, coco.loadRes(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert average_precision(found, wanted).value() == pytest.approx(evaluation.stats[0], abs=1e-9)


def test_every_class_is_pycocotools() -> None:
    found, wanted = _images(4)
    precision = _reference(found, wanted, "box").eval["precision"][:, :, :, 0, -1]
    ours = average_precision(found, wanted).by_class()
    for label in range(CLASSES):
        assert ours[label] == pytest.approx(precision[:, :, label].mean(), abs=1e-9)


def test_weights_are_images_that_are_there_several_times() -> None:
    found, wanted = _images(5)
    whole = average_precision(found, wanted)
    assert whole.value(np.full(IMAGES, 3)) == pytest.approx(whole.value(), abs=1e-12)
    weights = np.array([2, 0, 1] * (IMAGES // 3))
    drawn = np.repeat(np.arange(IMAGES), weights)
    copies = average_precision([found[i] for i in drawn], [wanted[i] for i in drawn])
    # One after the other, equal detections pass more recalls than at once: of 101, one at most.
    assert whole.value(weights) == pytest.approx(copies.value(), abs=0.01)
    draws = whole.values(np.stack((weights, np.ones_like(weights))))
    assert draws.tolist() == [whole.value(weights), whole.value()]


def _one(boxes: list[list[float]], scores: list[float]) -> Found:
    return Found(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.zeros(len(scores), np.int64),
    )


def _truth(boxes: list[list[float]], crowd: list[bool] | None = None) -> Wanted:
    array = np.array(boxes, np.float32).reshape(-1, 4)
    areas = np.prod(array[:, 2:] - array[:, :2], axis=1).astype(np.float64)
    flags = np.array(crowd or [False] * len(array), bool)
    return Wanted(200, 200, array, np.zeros(len(array), np.int64), areas, flags)


def test_by_hand() -> None:
    # The first is right, the second wrong, the third right: of two objects recall 0.5 has
    # precision 1, recall 1 has 2/3. Recalls 0..0.5 are 51 of 101.
    wanted = [_truth([[0, 0, 10, 10], [50, 50, 60, 60]])]
    found = [_one([[0, 0, 10, 10], [100, 0, 110, 10], [50, 50, 60, 60]], [0.9, 0.8, 0.7])]
    by_hand = (51 * 1 + 50 * 2 / 3) / 101
    assert average_precision(found, wanted).value() == pytest.approx(by_hand)
    # Overlap 80 of 100 pixels: right up to the threshold 0.8, seven of ten.
    partly = average_precision([_one([[0, 0, 10, 8]], [0.9])], [_truth([[0, 0, 10, 10]])])
    assert partly.value() == pytest.approx(0.7)
    assert partly.at(0.8).value() == 1.0 and partly.at(0.85).value() == 0.0


def test_nothing_found_nothing_wanted_and_crowds() -> None:
    nothing, objects = _one([], []), _truth([[0, 0, 10, 10]])
    assert average_precision([nothing], [objects]).value() == 0.0
    assert np.isnan(average_precision([_one([[0, 0, 9, 9]], [0.9])], [_truth([])]).value())
    # A crowd takes detections inside it, and need not be found.
    crowd = _truth([[0, 0, 100, 100], [150, 150, 160, 160]], [True, False])
    inside = _one([[0, 0, 20, 20], [20, 20, 40, 40], [150, 150, 160, 160]], [0.9, 0.8, 0.7])
    assert average_precision([inside], [crowd]).value() == 1.0
    assert len(THRESHOLDS) == 10 and set(AREAS) == {"all", "small", "medium", "large"}
