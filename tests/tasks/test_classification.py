"""Classification against hand calculation and torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tasks.classification.distance import image_kl
from tasks.classification.metrics import AGREEMENT, TOP1, TOP5
from tasks.classification.task import Ranking
from tasks.table import TASKS
from zoo.errors import InputError

TASK = TASKS["classification"]
GENERATOR = np.random.default_rng(0)


def _logits(images: int, classes: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return GENERATOR.normal(size=(images, classes)).astype(np.float32)


def test_rankings_are_those_of_torch_and_the_lower_of_equals_comes_first() -> None:
    logits = _logits(50, 12)
    logits[3] = 0
    found = TASK.decode({"logits": logits})
    top = torch.from_numpy(logits).softmax(1).topk(5)
    for index, (ranking, values) in enumerate(zip(found, top.values, strict=True)):
        assert ranking.count == 12
        assert ranking.probabilities == pytest.approx(values.tolist(), rel=1e-5)
        if index != 3:
            assert ranking.classes == tuple(top.indices[index].tolist())
    assert found[3].classes == (0, 1, 2, 3, 4)


def test_few_classes_have_short_rankings() -> None:
    (found,) = TASK.decode({"anything": np.array([[0.0, 1.0]], np.float32)})
    assert found.classes == (1, 0)
    assert found.probabilities[0] == pytest.approx(1 / (1 + math.exp(-1)))


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"boxes": np.zeros((1, 4)), "scores": np.zeros((1, 2))}, "boxes, scores"),
        ({"logits": np.zeros((1, 2, 8, 8))}, r"\(1, 2, 8, 8\)"),
        ({"logits": np.array([[math.nan, 0]])}, "not finite"),
    ],
)
def test_what_is_no_classifiers_is_refused(
    outputs: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        TASK.decode(outputs)


def test_scores_by_hand() -> None:
    predictions = [
        Ranking((2, 0, 1, 3, 4), (0.6, 0.1, 0.1, 0.1, 0.1), 7),
        Ranking((5, 6, 2, 3, 4), (0.6, 0.1, 0.1, 0.1, 0.1), 7),
        Ranking((0, 1, 2, 3, 4), (0.6, 0.1, 0.1, 0.1, 0.1), 7),
    ]
    found = TASK.score(predictions, [2, 4, 6], (TOP1, TOP5))
    assert found["top1"].value() == pytest.approx(1 / 3)
    assert found["top5"].value() == pytest.approx(2 / 3)
    assert found["top1"].values(np.array([[3, 1, 0]])) == pytest.approx([3 / 4])
    assert TASK.as_targets(predictions) == [2, 5, 0]
    alike = TASK.score(predictions, TASK.as_targets(predictions), (AGREEMENT,))
    assert alike["agreement"].value() == 1 and alike["agreement"].images == 3
    with pytest.raises(InputError, match="label 7"):
        TASK.score(predictions, [2, 4, 7], (TOP1,))


def test_unlabelled_images_are_told() -> None:
    assert TASK.labelled([0, 1])
    assert not TASK.labelled([0, -1]) and not TASK.labelled([])


def test_divergence_and_distance_against_torch() -> None:
    ours, theirs = torch.from_numpy(_logits(20, 6)), torch.from_numpy(_logits(20, 6))
    for temperature, found in (
        (4.0, TASK.divergence({"logits": theirs}, {"logits": ours})),
        (1.0, TASK.distance({"logits": theirs}, {"logits": ours})),
    ):
        p, q = ((x.double() / temperature).log_softmax(1) for x in (theirs, ours))
        kl = F.kl_div(q, p, reduction="none", log_target=True).sum(1)
        torch.testing.assert_close(found, temperature**2 * kl)
    assert float(image_kl(ours, ours).abs().max()) == 0


def test_predictions_come_back_from_arrays() -> None:
    predictions = TASK.decode({"logits": _logits(9, 30)})
    stored = TASK.pack(predictions)
    again = TASK.unpack(stored)
    assert [p.classes for p in again] == [p.classes for p in predictions]
    assert [p.count for p in again] == [30] * 9
    for bad in (
        {"classes": stored["classes"][:, 0]},
        {"classes": stored["classes"] + 29},
        {"count": np.array([1, 2], np.int32)},
        {"classes": stored["classes"].astype(np.float32)},
    ):
        with pytest.raises(ValueError):
            TASK.unpack(stored | bad)
