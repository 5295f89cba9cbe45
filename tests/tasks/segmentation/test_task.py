"""Segmentation's predictions, metrics and distances, against torchvision's formulas and by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from tasks.base import BadTargetError, LossSettings
from tasks.scores import scores_of
from tasks.segmentation.task import Segmentation, Segmented
from zoo.datasets.class_map import ClassMap
from zoo.datasets.mask_classes import IGNORE
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame

TASK = Segmentation()
GENERATOR = np.random.default_rng(0)


def _logits(images: int = 3, classes: int = 5, side: int = 8) -> NDArray[np.float32]:
    return GENERATOR.normal(size=(images, classes, side, side)).astype(np.float32)


def _targets(images: int = 3, classes: int = 5, side: int = 32) -> list[NDArray[np.uint8]]:
    blocks = GENERATOR.integers(0, classes, (images, side // 4, side // 4)).astype(np.uint8)
    found = blocks.repeat(4, 1).repeat(4, 2)
    found[:, :3] = IGNORE
    return list(found)


def _frames(images: int = 3, side: int = 32) -> list[Frame]:
    return [Frame.whole(side, side)] * images


def test_classes_are_those_of_resized_logits() -> None:
    logits = _logits()
    found = TASK.decode({"logits": logits}, _frames())
    resized = F.interpolate(
        torch.from_numpy(logits), size=(32, 32), mode="bilinear", align_corners=False
    )
    for one, wanted in zip(found, resized.argmax(1).numpy(), strict=True):
        assert one.count == 5 and (one.classes.pixels() == wanted).all()
    plain = TASK.decode({"out": logits})
    assert (plain[0].classes.pixels() == logits[0].argmax(0)).all()
    # Of equal logits the first.
    assert not TASK.decode({"logits": np.zeros_like(logits)})[0].classes.pixels().any()


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
def test_classes_lie_on_the_picture(mode: str) -> None:
    """A picture of quarters, shown to a network that tells them apart at the input's resolution."""
    spec = InputSpec(64, 64, crop_pct=1.0, crop_mode=mode)  # type: ignore[arg-type]
    frame = Frame.of(120, 80, spec)
    place = frame.placement
    y, x = np.mgrid[:64, :64]
    over_x, over_y = (x + place.left) * 2 >= place.width, (y + place.top) * 2 >= place.height
    quarters = 2 * over_y + over_x
    logits = (quarters == np.arange(4)[:, None, None]).astype(np.float32)[None]
    (found,) = TASK.decode({"logits": logits}, [frame])
    rows, columns = np.mgrid[:80, :120]
    wanted = 2 * (rows >= 40) + (columns >= 60)
    pixels = found.classes.pixels()
    assert pixels.shape == (80, 120)
    assert (pixels == wanted).mean() > 0.96
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == [0, 1, 2, 3]).all()


def test_metrics_are_those_of_one_matrix() -> None:
    """torchvision's reference counts all pixels into one matrix of confusions."""
    targets, logits = _targets(), _logits()
    predictions = TASK.decode({"logits": logits}, _frames())
    matrix = np.zeros((5, 5))
    for target, one in zip(targets, predictions, strict=True):
        counted = target != IGNORE
        np.add.at(matrix, (target[counted], one.classes.pixels()[counted]), 1)
    right = np.diag(matrix)
    ious = right / (matrix.sum(0) + matrix.sum(1) - right)
    maps = [ClassMap.of(target) for target in targets]
    assert TASK.labelled(maps) and not TASK.labelled([-1, -1]) and not TASK.labelled([])
    found = TASK.score(predictions, maps, TASK.metrics)
    assert found["miou"].value() == pytest.approx(ious.mean())
    assert found["miou"].by_class() == pytest.approx(tuple(ious))
    assert found["pixel_accuracy"].value() == pytest.approx(right.sum() / matrix.sum())
    # An image that counts twice counts as often as if it were there twice.
    twice = TASK.score([*predictions, predictions[1]], [*maps, maps[1]], TASK.metrics)
    for name in ("miou", "pixel_accuracy"):
        weighted = found[name].values(np.array([[1, 2, 1], [1, 1, 1]]))
        assert weighted == pytest.approx([twice[name].value(), found[name].value()])
        metric = next(metric for metric in TASK.metrics if metric.name == name)
        again = TASK.evaluation(metric, found[name].parts)
        assert again.value() == found[name].value() and again.images == 3
        with pytest.raises(ValueError, match="are no"):
            TASK.evaluation(metric, np.zeros((3, 7)))


def test_an_artefact_against_float() -> None:
    targets = [ClassMap.of(target) for target in _targets(40)]
    logits = _logits(40)
    reference = TASK.decode({"logits": logits}, _frames(40))
    other = logits + 0.3 * _logits(40)
    ours = TASK.decode({"logits": other}, _frames(40))
    miou, accuracy, alike = scores_of(TASK, ours, targets, reference)
    assert (miou.metric, accuracy.metric, alike.metric) == (
        *("miou", "pixel_accuracy", "pixel_agreement"),
    )
    shares = [
        (a.classes.pixels() == b.classes.pixels()).mean()
        for a, b in zip(ours, reference, strict=True)
    ]
    assert alike.value == pytest.approx(np.mean(shares)) and 0.7 < alike.value < 0.95
    for score in (miou, accuracy):
        assert score.difference is not None and score.difference_interval is not None
        assert score.difference_interval.low <= score.difference <= score.difference_interval.high
    same = scores_of(TASK, reference, targets, reference)
    assert same[0].difference == 0 and same[0].p == 1 and same[2].value == 1
    assert [score.metric for score in scores_of(TASK, ours, [-1] * 40, reference)] == [
        "pixel_agreement"
    ]


def test_images_whose_pixels_do_not_count() -> None:
    void = ClassMap.of(np.full((32, 32), IGNORE, np.uint8))
    predictions = TASK.decode({"logits": _logits()}, _frames())
    some = [ClassMap.of(target) for target in _targets()]
    kept = TASK.score(predictions[:2], some[:2], TASK.metrics)
    found = TASK.score(predictions, [*some[:2], void], TASK.metrics)
    for name in ("miou", "pixel_accuracy"):
        assert found[name].value() == kept[name].value()
        assert found[name].values(np.array([[0, 0, 3]])) == [0]
    with pytest.raises(InputError, match="no pixel of the masks counts"):
        TASK.score(predictions, [void] * 3, TASK.metrics)


def test_bad_targets_and_outputs_are_named() -> None:
    predictions = TASK.decode({"logits": _logits()}, _frames())
    maps = [ClassMap.of(target) for target in _targets()]
    maps[1] = ClassMap.of(np.full((32, 32), 7, np.uint8))
    with pytest.raises(BadTargetError, match=r"class 7 in its mask, outside .* 0..4") as error:
        TASK.score(predictions, maps, TASK.metrics)
    assert error.value.index == 1
    maps[1] = ClassMap.of(np.zeros((16, 32), np.uint8))
    with pytest.raises(BadTargetError, match=r"a mask of 32x16 pixels .* answers with 32x32"):
        TASK.score(predictions, maps, TASK.metrics)
    with pytest.raises(InputError, match="are no logits"):
        TASK.decode({"logits": np.zeros((2, 5), np.float32)})
    with pytest.raises(InputError, match="not finite"):
        TASK.decode({"logits": np.full((1, 2, 3, 3), np.nan, np.float32)})
    with pytest.raises(InputError, match="300 classes"):
        TASK.decode({"logits": np.zeros((1, 300, 2, 2), np.float32)})
    with pytest.raises(InputError, match="none of them 'logits'; give an artefact of a segmenter"):
        TASK.decode({"a": _logits(), "b": _logits()})


def test_packed_predictions_come_back() -> None:
    predictions = TASK.decode({"logits": _logits()}, _frames())
    arrays = TASK.pack(predictions)
    assert TASK.unpack(arrays) == predictions
    assert TASK.unpack(TASK.pack([])) == []
    small = dict(arrays, count=np.array(2, np.int32))
    for bad in (
        small,
        dict(arrays, sizes=arrays["sizes"][:2]),
        dict(arrays, sizes=-arrays["sizes"]),
        dict(arrays, data=arrays["data"][:-1]),
        dict(arrays, data=arrays["data"][::-1].copy()),
        dict(arrays, shapes=arrays["shapes"] * 2),
        dict(arrays, shapes=arrays["shapes"] * 0),
        dict(arrays, data=arrays["data"].astype(np.float32)),
    ):
        with pytest.raises(ValueError, match=r"it holds|its arrays|is no map"):
            TASK.unpack(bad)


def test_a_map_that_is_none() -> None:
    whole = ClassMap.of(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert whole.pixels().tolist() == np.arange(12).reshape(3, 4).tolist()
    for bad in (
        dataclasses.replace(whole, height=2),
        dataclasses.replace(whole, width=5),
        dataclasses.replace(whole, data=b"none"),
        dataclasses.replace(whole, data=whole.data[:-3]),
    ):
        with pytest.raises(ValueError, match="is no map of"):
            bad.pixels()


def test_distance_is_the_mean_over_pixels() -> None:
    reference, other = (torch.from_numpy(_logits(2, 3, 2)) for _ in range(2))
    p, q = reference.double().softmax(1), other.double().softmax(1)
    wanted = (p * (p / q).log()).sum(1).mean((1, 2))
    found = TASK.divergence({"logits": reference}, {"logits": other})
    torch.testing.assert_close(found, wanted)
    assert found.dtype == torch.float64 and TASK.distance is not None
    assert float(TASK.divergence({"logits": other}, {"logits": other}).abs().max()) == 0


def test_training_minimizes_both_distances() -> None:
    student, teacher = (torch.from_numpy(_logits(2, 3, 4)) for _ in range(2))
    student.requires_grad_()
    classes = torch.from_numpy(np.stack(_targets(2, 3, 16)))
    both = LossSettings(temperature=2.0, label_weight=0.5)

    def loss(targets: torch.Tensor | None, settings: LossSettings = both) -> torch.Tensor:
        return TASK.training_loss({"logits": student}, {"logits": teacher}, targets, settings)

    p, q = (teacher / 2).softmax(1), (student / 2).softmax(1)
    distilled = 4 * (p * (p / q).log()).sum(1).mean()
    torch.testing.assert_close(loss(None), distilled)
    resized = F.interpolate(student, size=(16, 16), mode="bilinear", align_corners=False)
    wrong = F.cross_entropy(resized, classes.long(), ignore_index=IGNORE)
    torch.testing.assert_close(loss(classes), distilled + 0.5 * wrong)
    assert loss(classes, LossSettings(2.0, 0.0)) == loss(None)
    # A batch of pixels that do not count gives no NaN.
    assert loss(torch.full_like(classes, IGNORE)) == loss(None)
    loss(classes).backward()
    assert student.grad is not None and bool(student.grad.isfinite().all())


def test_predictions_are_small() -> None:
    """2,000 answers at 520 pixels, of one item each, are held in less than 30 MB."""
    y, x = np.mgrid[:520, :520]
    disc = ((y - 200) ** 2 + (x - 300) ** 2 < 150**2).astype(np.uint8) * 7
    assert len(Segmented(ClassMap.of(disc), 21).classes.data) < 15_000
