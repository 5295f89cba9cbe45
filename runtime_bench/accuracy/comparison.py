"""An artefact against another one on the same images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runtime_bench.accuracy.evaluation import CLASSIFICATION, Evaluation
from stats.interval import Interval
from stats.signal_to_noise import sqnr_db
from tasks.base import Outputs
from tasks.metrics import agreement_of
from tasks.scores import Score, scores_against
from zoo.errors import InputError


@dataclass(frozen=True)
class Agreement:
    """An artefact against a reference on the same images.

    Attributes:
        scores: the task's metrics with those of the reference, and how often both answer alike.
        agreement: the latter, as the task defines it; of classifiers the share of images with the
            same first class.
        kl: of classifiers, mean KL(reference || artefact) of the softmax, in nats: what is lost by
            using the artefact's probabilities for the reference's.
        sqnr_db: signal-to-noise of the outputs in dB, 10 log10(sum ref^2 / sum (ref - art)^2), the
            least of several; None where they are equal, or were not kept.
        max_abs: largest absolute difference of an output; None where they were not kept.
        reference_top1: of classifiers; None without labels.
        top1_difference: artefact minus reference; likewise.
        difference_interval: its 95 % interval (Newcombe's, paired).
        mcnemar_p: two-sided exact p-value that both are equally often right.
    """

    scores: tuple[Score, ...]
    agreement: float
    kl: float | None
    sqnr_db: float | None
    max_abs: float | None
    reference_top1: float | None
    top1_difference: float | None
    difference_interval: Interval | None
    mcnemar_p: float | None


def compare(evaluation: Evaluation, reference: Evaluation) -> Agreement:
    """Compare two evaluations image by image.

    Raises:
        InputError: they are of different images or networks.
    """
    if evaluation.names != reference.names:
        raise InputError(
            f"the artefact saw {evaluation.images} images and its reference {reference.images} "
            "others; evaluate both on the same dataset and limit"
        )
    task = evaluation.task
    if task is not reference.task:
        raise InputError(
            f"the artefact is for {task.name} and its reference for {reference.task.name}; compare "
            "artefacts of one network"
        )
    kl = least_db = max_abs = None
    if evaluation.outputs is not None and reference.outputs is not None:
        pairs = _pairs(evaluation.outputs, reference.outputs)
        ratios = [sqnr_db(theirs, ours) for ours, theirs in pairs]
        least_db = min((ratio for ratio in ratios if ratio is not None), default=None)
        max_abs = max(float(np.max(np.abs(theirs - ours))) for ours, theirs in pairs)
        if task is CLASSIFICATION:
            ((ours, theirs),) = pairs
            kl = mean_kl(theirs, ours)
    expected = with_targets(reference, evaluation).figures
    scores = scores_against(task, evaluation.figures | evaluation.alike(reference), expected)
    by_name = {score.metric: score for score in scores}
    top1 = by_name.get("top1")
    return Agreement(
        scores=scores,
        agreement=by_name[agreement_of(task.metrics).name].value,
        kl=kl,
        sqnr_db=least_db,
        max_abs=max_abs,
        reference_top1=top1.reference if top1 else None,
        top1_difference=top1.difference if top1 else None,
        difference_interval=top1.difference_interval if top1 else None,
        mcnemar_p=top1.p if top1 else None,
    )


def with_targets(reference: Evaluation, evaluation: Evaluation) -> Evaluation:
    """``reference``, with the targets of ``evaluation``, of the same images, if it has none.

    What is compared with it several times then has its figures, and what is drawn of them, once.
    """
    if reference.labelled or not evaluation.labelled or reference.names != evaluation.names:
        return reference
    return replace(reference, targets=evaluation.targets)


def _pairs(
    outputs: Outputs, reference: Outputs
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The outputs of both in order, whatever their names, since artefacts made elsewhere have
    others.

    Raises:
        InputError: they are not alike.
    """
    ours, theirs = list(outputs.values()), list(reference.values())
    shapes, others = ([value.shape[1:] for value in values] for values in (ours, theirs))
    if shapes != others:
        told, other = (
            f"{values[0][0]} classes"
            if len(values) == 1 and len(values[0]) == 1
            else f"outputs of {', '.join(map(str, values))}"
            for values in (shapes, others)
        )
        raise InputError(
            f"the artefact has {told} and its reference {other}; compare artefacts of one network"
        )
    return [(a.astype(np.float64), b.astype(np.float64)) for a, b in zip(ours, theirs, strict=True)]


def mean_kl(reference: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Mean KL(softmax(reference) || softmax(other)) in nats of logits (images, classes)."""
    log_reference, log_other = _log_softmax(reference), _log_softmax(other)
    rows = np.sum(np.exp(log_reference) * (log_reference - log_other), axis=1)
    # Rounding may leave a tiny negative mean where both are equal.
    return max(0.0, float(np.mean(rows)))


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
