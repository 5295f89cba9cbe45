"""Answers on the same images, before and after: accuracy, agreement with float, classes.

McNemar's exact conditional test, one-sided: of the images whose correctness changed, no more than
half became wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fbdeploy.check.decide import Hypothesis
from fbdeploy.check.rules import Rules, TestedMeasure
from stats.multiple_testing import tarone_count
from stats.proportions import worse_p

IntVector = NDArray[np.int64]


def paired_hypothesis(
    measure: TestedMeasure, worse: int, better: int, images: int, limit: float
) -> Hypothesis:
    """Of one share: ``worse`` of ``images`` were right and are wrong, ``better`` the opposite.

    ``limit`` is the drop of the share, 0..1, that is let pass.
    """
    return Hypothesis(
        measure=measure,
        p_value=float(worse_p(worse, better)),
        least_p=0.5 ** (worse + better),
        exceeds=(worse - better) / images > limit,
    )


@dataclass(frozen=True)
class ClassTest:
    """All classes of one artefact as one hypothesis.

    ``p_values`` (classes,) are adjusted for their number within the artefact.
    """

    hypothesis: Hypothesis
    p_values: NDArray[np.float64]
    candidates: NDArray[np.bool_]


def class_test(worse: IntVector, better: IntVector, images: IntVector, rules: Rules) -> ClassTest:
    """That no class became worse; its p-value is the least of the classes' adjusted ones.

    Most classes have too few changed images ever to be significant, so the number of tests to
    adjust for is Tarone's. Only classes that dropped by more than ``max_class_drop`` count.

    Args:
        worse: (classes,), images of each that were right and are wrong.
        better: (classes,), the opposite.
        images: (classes,), of each.
        rules: thresholds.
    """
    least = np.power(0.5, worse + better)
    factor = tarone_count(least, rules.false_alarm)
    p_values = np.minimum(1.0, factor * worse_p(worse, better))
    drops = (worse - better) / np.maximum(images, 1)
    candidates = drops > rules.max_class_drop / 100
    hypothesis = Hypothesis(
        measure="classes",
        p_value=float(np.min(p_values[candidates], initial=1.0)),
        least_p=float(np.min(factor * least, initial=1.0)),
        exceeds=bool(candidates.any()),
    )
    return ClassTest(hypothesis, p_values, candidates)


def count_changes(
    before: NDArray[np.bool_], after: NDArray[np.bool_], labels: NDArray[np.int32]
) -> tuple[IntVector, IntVector, IntVector]:
    """Images by class that became worse, that became better, and all; each (classes,).

    Args:
        before: (images,), whether the answer was right.
        after: (images,), whether it is.
        labels: (images,), 0 or more.
    """
    classes = int(labels.max(initial=-1)) + 1
    worse = np.bincount(labels[before & ~after], minlength=classes)
    better = np.bincount(labels[~before & after], minlength=classes)
    return worse, better, np.bincount(labels, minlength=classes)
