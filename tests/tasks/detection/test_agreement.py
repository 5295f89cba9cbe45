"""Agreement of detections, by hand."""

from __future__ import annotations

import numpy as np

from tasks.detection.agreement import detection_agreement
from tasks.detection.objects import Found


def _found(*rows: tuple[float, float, float, float, float, int]) -> Found:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Found(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.float32),
        table[:, 5].astype(np.int64),
    )


A = (0.0, 0.0, 10.0, 10.0, 0.9, 1)
B = (50.0, 50.0, 60.0, 60.0, 0.8, 1)


def test_who_finds_the_same_agrees() -> None:
    assert detection_agreement([_found(A, B)], [_found(B, A)]).value() == 1.0
    assert detection_agreement([_found()], [_found()]).value() == 1.0
    assert detection_agreement([_found(A)], [_found()]).value() == 0.0


def test_what_counts() -> None:
    def of(other: tuple[float, float, float, float, float, int]) -> float:
        return detection_agreement([_found(A)], [_found(other)]).value()

    assert of((0, 0, 10, 5, 0.9, 1)) == 1.0  # overlap of a half
    assert of((0, 0, 10, 4.9, 0.9, 1)) == 0.0
    assert of((0, 0, 10, 10, 0.9, 2)) == 0.0  # another class
    assert of((0, 0, 10, 10, 0.31, 1)) == 1.0  # however sure
    assert of((0, 0, 10, 10, 0.3, 1)) == 0.0  # but not shown
    both_unsure = _found((0, 0, 10, 10, 0.2, 1))
    assert detection_agreement([both_unsure], [_found()]).value() == 1.0


def test_one_has_one_partner() -> None:
    twice = _found(A, (0, 0, 10, 9, 0.5, 1))
    # One pair of three detections: 2 / 3.
    assert detection_agreement([_found(A)], [twice]).value() == 2 / 3
    assert detection_agreement([twice], [_found(A)]).value() == 2 / 3


def test_images_count_as_often_as_they_are_drawn() -> None:
    agreement = detection_agreement(
        [_found(A), _found(A), _found()], [_found(A), _found(B), _found()]
    )
    assert agreement.value() == 0.5
    assert agreement.values(np.array([[3, 1, 7], [0, 0, 5]])).tolist() == [0.75, 1.0]
