"""Whether the float network itself answers sensibly on the images that artefacts are scored on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fbdeploy.records.fidelity import FloatCheck
from stats.paired import resample
from tasks.segmentation.metrics import MIOU
from tasks.segmentation.overlap import MeanIou

if TYPE_CHECKING:
    from runtime_bench.accuracy import Evaluation

SIGNIFICANCE = 0.05
ONE_ANSWER = 0.95
"""Share of the images from which on one class is the answer to everything."""
FEWEST_IMAGES = 8
"""Fewer may well be of one class."""


def check_of(found: Evaluation) -> FloatCheck | None:
    """The verdict by the answers of the float network; None for a task that has none."""
    if found.task.name == "classification":
        return float_check(found.labels, found.classes)
    if found.task.name != "segmentation" or not found.labelled:
        return None
    overlap = found.task.score(found.predictions, found.targets, (MIOU,))[MIOU.name]
    assert isinstance(overlap, MeanIou)
    return pixel_check(overlap)


def pixel_check(found: MeanIou) -> FloatCheck:
    """:func:`float_check` of a segmenter, whose answers are those of pixels.

    Pixels of one image are alike, so the p-value is the bootstrap's over images.
    """
    counts = found.overlap
    target, predicted, both = counts.target, counts.predicted, counts.both.sum(1)
    commonest, wanted = int(predicted.sum(0).argmax()), int(target.sum(0).argmax())
    pixels = int(target.sum())
    gain = (both - target[:, wanted]).astype(np.float64)
    p = resample(lambda weights: weights @ gain, found.images).p_above()
    chance, share = float(target[:, wanted].sum()) / pixels, float(predicted.sum(0).max()) / pixels
    return FloatCheck(
        images=found.images,
        top1=float(both.sum()) / pixels,
        chance=chance,
        chance_p=p,
        commonest_class=commonest,
        commonest_share=share,
        better_than_chance=p < SIGNIFICANCE or found.images < FEWEST_IMAGES,
        varied=share < ONE_ANSWER or chance >= ONE_ANSWER,
    )


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
