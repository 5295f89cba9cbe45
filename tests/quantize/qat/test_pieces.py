"""Batches, the loss, the average: each against what it says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from quantize.program import Program
from quantize.qat.average import MovingAverage
from quantize.qat.batches import TrainingImages
from quantize.qat.loss import Watched, feature_points, training_loss
from quantize.recipe import Calibration, Training
from quantize.split import split
from tasks.table import TASKS


def _numbered(count: int, **options: int | bool) -> TrainingImages:
    ramp = torch.arange(count, dtype=torch.float32).reshape(count, 1, 1, 1)
    columns = torch.arange(6, dtype=torch.float32) / 10
    images = (ramp + columns).expand(count, 3, 6, 6).contiguous()
    return TrainingImages(images, torch.arange(count), **options)  # type: ignore[arg-type]


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    images = _numbered(10)
    seen = []
    for step in range(5):  # of 4: 20 images, two epochs, the third step in both
        batch, labels = images.batch(step, 4)
        assert labels is not None and torch.equal(batch[:, 0, 0, 0].long(), labels)
        seen += labels.tolist()
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    again, _ = images.batch(3, 4)
    assert torch.equal(again, images.batch(3, 4)[0])
    other, _ = TrainingImages(images.images, seed=1).batch(3, 4)
    assert not torch.equal(again, other)


def test_a_batch_may_be_larger_than_the_folder() -> None:
    batch, labels = _numbered(3).batch(1, 8)
    assert len(batch) == 8 and labels is not None
    assert {labels.tolist().count(k) for k in range(3)} == {2, 3}


def test_classes_of_pixels_are_moved_with_their_images() -> None:
    pixels = torch.arange(36, dtype=torch.uint8).reshape(1, 6, 6) + 40 * torch.arange(
        6, dtype=torch.uint8
    ).reshape(6, 1, 1)
    images = pixels[:, None].expand(6, 3, 6, 6).float()
    moved = TrainingImages(images, pixels, flip=True, shift=2)
    for step in range(3):
        batch, labels = moved.batch(step, 6)
        assert labels is not None and labels.dtype == torch.uint8
        assert torch.equal(batch[:, 1], labels.float())
        assert not torch.equal(labels.sum((1, 2)).sort()[0], pixels.sum((1, 2)))


def test_flips_mirror_and_shifts_move_with_the_edge_repeated() -> None:
    plain, _ = _numbered(16).batch(0, 16)
    flipped, labels = _numbered(16, flip=True).batch(0, 16)
    assert labels is not None
    mirrored = [bool(torch.equal(a, b.flip(2))) for a, b in zip(flipped, plain, strict=True)]
    same = [bool(torch.equal(a, b)) for a, b in zip(flipped, plain, strict=True)]
    assert [a != b for a, b in zip(mirrored, same, strict=True)] == [True] * 16
    assert 0 < sum(mirrored) < 16
    shifted, _ = _numbered(16, shift=2).batch(0, 16)
    base = plain[0, 0, 0] - plain[0, 0, 0, 0]
    moves = set()
    for moved, still in zip(shifted, plain, strict=True):
        row = moved[0, 0] - still[0, 0, 0]
        fits = [
            k
            for k in range(-2, 3)
            if torch.allclose(row, base[(torch.arange(6) + k).clamp(0, 5)], atol=1e-4)
        ]
        assert len(fits) == 1
        moves.add(fits[0])
    assert len(moves) > 2


def test_loss_by_hand() -> None:
    """KL of (3/4, 1/4) from (1/2, 1/2) at T = 1, and a feature whose error is a tenth."""
    task, logits = TASKS["classification"], torch.tensor([[math.log(3.0), 0.0]])
    teacher = Watched({"logits": logits}, {"a": torch.full((1, 1, 2, 2), 10.0)})
    student = Watched({"logits": torch.zeros(1, 2)}, {"a": torch.full((1, 1, 2, 2), 9.0)})

    def loss_of(student: Watched, targets: Tensor | None = None, **settings: float) -> float:
        return float(training_loss(task, student, teacher, targets, Training(**settings)))

    kl = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    loss = loss_of(student, temperature=1.0, feature_weight=0.5)
    assert loss == pytest.approx(kl + 0.5 * 0.01, rel=1e-5)
    labelled = loss_of(
        student, torch.tensor([1]), temperature=1.0, feature_weight=0.5, label_weight=2.0
    )
    assert labelled == pytest.approx(loss + 2 * math.log(2), rel=1e-5)
    p = math.sqrt(3) / (1 + math.sqrt(3))
    softened = p * math.log(2 * p) + (1 - p) * math.log(2 * (1 - p))
    assert loss_of(student, temperature=2.0, feature_weight=0.0) == pytest.approx(
        4 * softened, rel=1e-5
    )
    assert loss_of(teacher, temperature=1.0, feature_weight=1.0) == 0


def test_features_are_one_a_resolution_the_narrowest(program: Program) -> None:
    nodes = {node.name: node for node in program.graph.graph.nodes}
    shapes = [tuple(nodes[name].meta["val"].shape[1:]) for name in feature_points(program)]
    assert shapes == [(8, 16, 16), (16, 8, 8)]


def test_average_by_hand() -> None:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(layer.weight)
    average = MovingAverage(layer, decay=0.9)
    for value in (1.0, 2.0):
        nn.init.constant_(layer.weight, value)
        average.update()
    expected = 0.9 * 0.1 * 1 + 0.1 * 2
    assert float(average.tensors["weight"]) == pytest.approx(expected)
    with average.applied():
        assert float(layer.weight) == pytest.approx(expected)
    assert float(layer.weight) == 2.0


def test_a_split_is_even_and_overlaps_nowhere() -> None:
    parts = split(1000, Calibration(images=100, held_out=50))
    assert [len(p) for p in (parts.calibration, parts.held_out, parts.further)] == [75, 25, 900]
    together = torch.cat([parts.calibration, parts.held_out, parts.further])
    assert sorted(together.tolist()) == list(range(1000))
    for part in (parts.calibration, parts.held_out, parts.further):
        counts = torch.histc(part.float(), 5, 0, 1000)
        assert float(counts.max() - counts.min()) <= 2
    few = split(3, Calibration())
    assert len(few.calibration) == 3 and len(few.held_out) == len(few.further) == 0
