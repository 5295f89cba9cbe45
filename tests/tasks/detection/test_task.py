"""Detection as a task: outputs to boxes, scores, and what is compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tasks.agreement import agreement
from tasks.detection.metrics import BOX_AP, BOX_AP50, MASK_AP
from tasks.detection.objects import Found, Wanted
from tasks.detection.task import Detection
from tasks.metric import Metric
from tasks.scores import scores_of
from zoo.datasets.detection.annotations import AnnotatedPicture, Instance
from zoo.datasets.detection.run_lengths import to_array
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame

TASK = Detection()
SPEC = InputSpec(100, 100, crop_pct=1.0, crop_mode="letterbox")
FRAME = Frame.of(200, 100, SPEC)  # half as large in the input
SQUARE = ((20.0, 20.0, 60.0, 20.0, 60.0, 60.0, 20.0, 60.0),)


def _outputs(masks: bool = False, shift: float = 0.0) -> dict[str, NDArray[np.float32]]:
    """Two detections of one image, and room for a third."""
    boxes = np.array([[[10, 10, 30, 30], [50, 5, 70, 25], [0, 0, 0, 0]]], np.float32) + shift
    outputs = {
        "boxes": boxes,
        "scores": np.array([[0.9, 0.6, 0.0]], np.float32),
        "labels": np.array([[1, 0, 0]], np.float32),
    }
    if masks:
        outputs["masks"] = np.ones((1, 3, 4, 4), np.float32)
    return outputs


def _picture(*instances: Instance) -> AnnotatedPicture:
    return AnnotatedPicture(Path("a.png"), "a.png", 200, 100, instances)


TRUTH = _picture(
    Instance((20, 20, 60, 60), 1, 1600.0, SQUARE),
    Instance((100, 10, 140, 50), 0, 1600.0, ((100, 10, 140, 10, 140, 50, 100, 50),)),
)


def test_boxes_are_in_pixels_of_the_picture() -> None:
    (found,) = TASK.decode(_outputs(masks=True), [FRAME])
    assert found.boxes.tolist() == [[20, 20, 60, 60], [100, 10, 140, 50]]
    assert found.labels.tolist() == [1, 0] and found.masks is not None
    mask = to_array(found.masks[0])
    assert mask.shape == (100, 200) and mask[25:55, 25:55].all()
    # But for the corners, where it is interpolated with what lies outside the box.
    assert mask.sum() == mask[20:60, 20:60].sum() > 1500
    (plain,) = TASK.decode(_outputs(masks=True))
    assert plain.boxes[0].tolist() == [10, 10, 30, 30] and plain.masks is None


def test_detections_come_best_first_whatever_the_runtime_did() -> None:
    outputs = {name: value[:, ::-1] for name, value in _outputs().items()}
    assert TASK.decode(outputs)[0].scores.tolist() == pytest.approx([0.9, 0.6])


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({"logits": np.zeros((1, 5), np.float32)}, "none of them 'boxes'"),
        (_outputs() | {"labels": np.zeros((1, 2), np.float32)}, "are no detections"),
        (_outputs(shift=float("nan")), "not finite"),
    ],
)
def test_other_outputs_are_refused(outputs: dict[str, NDArray[np.float32]], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        TASK.decode(outputs)


def test_scores_of_masks_only_where_there_are_masks() -> None:
    with_masks, without = (TASK.decode(_outputs(masks), [FRAME]) for masks in (True, False))
    assert TASK.labelled([TRUTH]) and not TASK.labelled([_picture()])
    names = [score.metric for score in scores_of(TASK, without, [TRUTH], without)]
    assert names == ["box_ap", "box_ap50", "box_ap75", "detection_agreement"]
    scores = {score.metric: score.value for score in scores_of(TASK, with_masks, [TRUTH])}
    assert scores["mask_ap"] > 0.9 and "detection_agreement" not in scores
    no_masks = _picture(*(Instance(i.box, i.label, i.area) for i in TRUTH.instances))
    assert MASK_AP.name not in TASK.score(with_masks, [no_masks], TASK.metrics)


def _random(seed: int) -> tuple[list[Found], list[Wanted]]:
    generator = np.random.default_rng(seed)
    found, wanted = [], []
    for _ in range(5):
        count = int(generator.integers(0, 6))
        corner = generator.uniform(0, 100, (count, 2))
        boxes = np.concatenate((corner, corner + generator.uniform(10, 50, (count, 2))), 1)
        labels = generator.choice([0, 3, 7], count)
        moved = boxes + generator.normal(0, 3, boxes.shape)
        scores = generator.random(count).astype(np.float32)
        found.append(Found(moved.astype(np.float32), scores, labels.astype(np.int64)))
        wanted.append(Wanted.of(Found(boxes.astype(np.float32), scores, labels.astype(np.int64))))
    return found, wanted


@pytest.mark.parametrize("metric", [BOX_AP, BOX_AP50])
def test_the_images_contributions_are_all_there_is(metric: Metric) -> None:
    whole = TASK.score(*_random(1), [metric])[metric.name]
    again = TASK.evaluation(metric, whole.parts)
    assert again.value() == whole.value() > 0
    weights = np.array([[2, 0, 1, 3, 1], [1, 1, 1, 1, 1]])
    assert again.values(weights).tolist() == whole.values(weights).tolist()
    assert whole.values(weights)[1] == whole.value()
    assert again.by_class() == whole.by_class() and len(whole.by_class()) == 8
    assert whole.by_class()[1] is None
    padded = np.pad(whole.parts, ((0, 0), (0, 6)))  # as wide as another artefact's
    assert TASK.evaluation(metric, padded).value() == whole.value()
    with pytest.raises(ValueError, match="too short"):
        TASK.evaluation(metric, whole.parts[:, :5])


def test_detections_in_files() -> None:
    found = [*TASK.decode(_outputs(masks=True), [FRAME]), *TASK.decode(_outputs(True), [FRAME])]
    packed = TASK.pack(found)
    again = TASK.unpack(packed)
    assert len(again) == 2 and again[1].masks == found[1].masks
    np.testing.assert_array_equal(again[0].boxes, found[0].boxes)
    assert [one.labels.tolist() for one in TASK.unpack(TASK.pack(_random(2)[0]))] == [
        one.labels.tolist() for one in _random(2)[0]
    ]
    for name, wrong in {
        "counts": np.array([2, 3], np.int32),
        "boxes": packed["boxes"][:, :3],
        "labels": -packed["labels"] - 1,
        "runs": packed["runs"][1:],
    }.items():
        with pytest.raises(ValueError, match=r"its|holds"):
            TASK.unpack(packed | {name: wrong})


def _tensors(outputs: dict[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in outputs.items()}


def test_masks_that_cover_half_of_each_other_leave_half_alike() -> None:
    masks = np.zeros((1, 3, 4, 4), np.float32)
    masks[:, :, :, :2] = 1.0
    one = _outputs() | {"masks": masks}
    halved = masks.copy()
    halved[:, :, :2] = 0.0
    other = one | {"masks": halved}
    assert TASK.distance(_tensors(one), _tensors(one)).item() == pytest.approx(0.0, abs=1e-9)
    assert TASK.distance(_tensors(one), _tensors(other)).item() == pytest.approx(0.5)
    # The masks go with their boxes, wherever those stand.
    turned = {name: value[:, [1, 0, 2]] for name, value in one.items()}
    assert TASK.distance(_tensors(one), _tensors(turned)).item() == pytest.approx(0.0, abs=1e-9)


def test_distance_is_the_share_of_scores_that_differs() -> None:
    one = _tensors(_outputs())
    assert TASK.distance(one, one).tolist() == [0.0]
    lost = _outputs() | {"scores": np.array([[0.9, 0.0, 0.0]], np.float32)}
    # 0.9 of each is the same, 0.6 is one's alone.
    assert TASK.distance(one, _tensors(lost)).item() == pytest.approx(1 - 1.8 / 2.4)
    unsure = _outputs() | {"scores": np.array([[0.7, 0.6, 0.0]], np.float32)}
    assert TASK.distance(one, _tensors(unsure)).item() == pytest.approx(1 - 2.6 / 2.8, abs=1e-6)
    moved = _tensors(_outputs(shift=2.0))
    overlap = 18 * 18 / (2 * 400 - 18 * 18)
    assert TASK.distance(one, moved).item() == pytest.approx(1 - overlap, abs=1e-6)
    other_class = _tensors(_outputs() | {"labels": np.array([[0, 1, 0]], np.float32)})
    assert TASK.distance(one, other_class).item() == 1.0
    nothing = _tensors({name: value * 0 for name, value in _outputs().items()})
    assert TASK.distance(nothing, nothing).item() == 0.0
    assert TASK.divergence(nothing, nothing).item() == pytest.approx(0.01)
    assert TASK.divergence(one, moved).item() > TASK.divergence(one, one).item() > 0


def test_agreement_needs_no_labels() -> None:
    assert agreement(TASK, _outputs(), _outputs(shift=1.0)) == 1.0
    assert agreement(TASK, _outputs(), _outputs(shift=8.0)) == 0.0


def test_the_same_detections_come_into_the_same_place() -> None:
    reference = _outputs(masks=True)
    swapped = {name: value[:, [1, 0, 2]] for name, value in reference.items()}
    for name, value in TASK.aligned(reference, swapped).items():
        np.testing.assert_array_equal(value[:, :2], reference[name][:, :2])
    # What only one of them finds stands against zeros.
    other = _outputs() | {"labels": np.array([[1, 5, 0]], np.float32)}
    aligned = TASK.aligned(_outputs(), other)
    assert aligned["scores"][0].tolist() == pytest.approx([0.9, 0.0, 0.6])
    assert aligned["labels"][0].tolist() == [1, 0, 5]
