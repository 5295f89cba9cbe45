"""Whether the float network itself answers sensibly on the images that artefacts are scored on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fbdeploy.records.fidelity import FloatCheck

SIGNIFICANCE = 0.05
ONE_ANSWER = 0.95
"""Share of the images from which on one class is the answer to everything."""
FEWEST_IMAGES = 8
"""Fewer may well be of one class."""


def float_check(labels: NDArray[np.int64], answers: NDArray[np.int64]) -> FloatCheck:
    """The verdict on the float network by its ``answers``, classes (images,).

    ``labels`` are -1 where an image has none.

    It fails where its top-1 is not above that of answering the commonest label for all images
    (one-sided binomial test), or where nearly all of its answers are one class and the labels are
    not.
    """
    images, labelled = len(answers), bool((labels >= 0).all())
    commonest, count = (int(part[0]) for part in _ranked(answers))
    top1 = chance = p = None
    better = True
    same_labels = 1 / max(images, 1)
    if labelled:
        right = int((answers == labels).sum())
        same_labels = chance = int(_ranked(labels)[1][0]) / images
        top1 = right / images
        from scipy import stats  # a second that an unlabelled set need not wait for

        p = float(stats.binomtest(right, images, chance, alternative="greater").pvalue)
        # Too few images, or all of one class: not even answers that are all right would be enough.
        better = p < SIGNIFICANCE or chance**images >= SIGNIFICANCE
    varied = images < FEWEST_IMAGES or count / images < ONE_ANSWER or same_labels >= ONE_ANSWER
    return FloatCheck(
        images=images,
        top1=top1,
        chance=chance,
        chance_p=p,
        commonest_class=commonest,
        commonest_share=count / images,
        better_than_chance=better,
        varied=varied,
    )


def _ranked(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different values and their counts, the commonest first."""
    found, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return found[order], counts[order].astype(np.int64)
