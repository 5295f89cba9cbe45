"""Scores and differences, by the kind of a metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from stats.proportions import PairedOutcomes, wilson_interval
from tasks.base import PerImage
from tasks.classification.task import Ranking
from tasks.metric import Metric
from tasks.scores import score_of, scores_of
from tasks.table import TASKS

GENERATOR = np.random.default_rng(1)


@dataclass(frozen=True)
class Ratio:
    """A corpus metric: the sum of one part over the sum of another."""

    parts: NDArray[np.float64]

    @property
    def images(self) -> int:
        return len(self.parts)

    def value(self) -> float:
        over, under = self.parts.sum(0)
        return float(over / under)

    def values(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        over, under = (weights @ self.parts).T
        return np.asarray(over / under, np.float64)

    def by_class(self) -> tuple[float | None, ...]:
        return ()

    def beside(self, other: Ratio) -> Ratio:
        return Ratio(np.concatenate((self.parts, other.parts)))


def _ranking(*classes: int) -> Ranking:
    return Ranking(classes, (), 10)


def test_a_classifier_against_another() -> None:
    ours = [_ranking(index % 10, (index + 1) % 10) for index in range(60)]
    theirs = [_ranking((index + (index % 6 == 0)) % 10, index % 10) for index in range(60)]
    labels = [index % 10 for index in range(60)]
    top1, top5, agreement = scores_of(TASKS["classification"], ours, labels, theirs)
    assert (top1.metric, top5.metric, agreement.metric) == ("top1", "top5", "agreement")
    assert (top1.value, top1.reference, top1.difference) == (1.0, 50 / 60, pytest.approx(1 / 6))
    assert top1.interval == wilson_interval(60, 60)
    paired = PairedOutcomes(50, 10, 0, 0)
    assert top1.p == paired.mcnemar_p() == pytest.approx(2 / 2**10)
    assert top1.difference_interval == paired.difference_interval()
    assert top5.value == top5.reference == 1.0
    assert agreement.value == 50 / 60 and agreement.reference is None and agreement.p is None
    assert [score.metric for score in scores_of(TASKS["classification"], ours, labels)] == [
        "top1",
        "top5",
    ]
    unlabelled = scores_of(TASKS["classification"], ours, [-1] * 60, theirs)
    assert [score.metric for score in unlabelled] == ["agreement"]


@pytest.mark.parametrize("kind", ["mean", "corpus"])
def test_other_kinds_are_resampled(kind: str) -> None:
    base = GENERATOR.uniform(0.5, 0.9, 200)
    worse = base - 0.02 + GENERATOR.normal(0, 0.02, 200)
    metric = Metric("m", "m", "points", 0.005, kind)  # type: ignore[arg-type]

    def made(values: NDArray[np.float64]) -> PerImage | Ratio:
        if kind == "mean":
            return PerImage(values)
        return Ratio(np.stack([values, np.ones_like(values)], 1))

    found = score_of(metric, made(worse), made(base))
    assert found.value == pytest.approx(worse.mean())
    assert found.difference == pytest.approx((worse - base).mean())
    assert found.difference_interval is not None and found.p is not None
    error = (worse - base).std() / np.sqrt(200)
    assert found.difference_interval.low == pytest.approx(found.difference - 1.96 * error, rel=0.1)
    assert found.difference_interval.high < 0 and found.p < 0.002
    same = score_of(metric, made(base), made(base))
    assert same.difference == 0 and same.p == 1.0
