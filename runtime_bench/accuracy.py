"""Accuracy of an artefact in its own runtime, and against another one on the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from runtime_bench.runtimes.base import Session
from stats.interval import Interval
from stats.proportions import PairedOutcomes, wilson_interval
from tasks.classification.task import logits_of
from zoo.arrays import read_arrays
from zoo.errors import InputError
from zoo.files import atomic_file

Batch = tuple[NDArray[np.float32], NDArray[np.int64], tuple[str, ...]]
Progress = Callable[[int], None]
UNLABELLED = -1


@dataclass(frozen=True)
class Evaluation:
    """What an artefact answered.

    Attributes:
        logits: float32 (images, classes).
        labels: int64 (images,); -1 where an image has none.
        names: the images, in the order of ``logits``.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: tuple[str, ...] = field(repr=False)

    @property
    def images(self) -> int:
        """How many images were run."""
        return len(self.logits)

    @property
    def labelled(self) -> bool:
        """Whether every image has a label; without, there is no accuracy."""
        return bool(self.images) and bool(np.all(self.labels != UNLABELLED))

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The class of the largest logit, int64 (images,); the first where several are equal."""
        return np.asarray(np.argmax(self.logits, axis=1), np.int64)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the prediction is the label, (images,)."""
        return np.asarray(self.predictions == self.labels)

    @property
    def top1(self) -> float | None:
        """Share of images whose label has the largest logit; None without labels."""
        return float(np.mean(self.correct)) if self.labelled else None

    @property
    def top5(self) -> float | None:
        """Share whose label is among the 5 largest; None without labels.

        Among equal logits (int8 has many) the lower class index counts as the larger one, as in
        ``predictions``.
        """
        if not self.labelled:
            return None
        own = np.take_along_axis(self.logits, self.labels[:, None], axis=1)
        index = np.arange(self.logits.shape[1])[None, :]
        ahead = (self.logits > own) | ((self.logits == own) & (index < self.labels[:, None]))
        return float(np.mean(ahead.sum(axis=1) < 5))

    @property
    def top1_interval(self) -> Interval | None:
        """Wilson's 95 % interval of ``top1``."""
        if not self.labelled:
            return None
        return wilson_interval(int(self.correct.sum()), self.images)


@dataclass(frozen=True)
class Agreement:
    """An artefact against a reference on the same images.

    Attributes:
        agreement: share of images with the same top-1 prediction.
        kl: mean KL(reference || artefact) of the softmax, in nats: what is lost by using the
            artefact's probabilities for the reference's.
        sqnr_db: signal-to-noise of the logits in dB, 10 log10(sum ref^2 / sum (ref - art)^2);
            None where they are equal.
        max_abs: largest absolute difference of a logit.
        top1_difference: artefact minus reference; None without labels.
        difference_interval: its 95 % interval (Newcombe's, paired).
        mcnemar_p: two-sided exact p-value that both are equally often right.
    """

    reference_top1: float | None
    agreement: float
    kl: float
    sqnr_db: float | None
    max_abs: float
    top1_difference: float | None
    difference_interval: Interval | None
    mcnemar_p: float | None


class ReferenceDocument(TypedDict):
    """The ``reference`` of ``evaluate --json``."""

    top1: float | None
    agreement: float
    kl: float
    top1_difference: float | None
    difference_interval: tuple[float, float] | None
    mcnemar_p: float | None


class EvaluationDocument(TypedDict):
    """``evaluate --json``; ``reference`` is null where none was asked for."""

    artefact: str
    format: str
    precision: str | None
    images: int
    top1: float | None
    top5: float | None
    top1_interval: tuple[float, float] | None
    reference: ReferenceDocument | None


def evaluate(
    session: Session, batches: Iterable[Batch], progress: Progress | None = None
) -> Evaluation:
    """Run every image of ``batches``.

    Args:
        session: the loaded artefact.
        batches: float32 (N, 3, height, width), int64 (N,) labels (-1 for none), N names.
        progress: called with the number of images that were just done.

    Raises:
        InputError: no images, images of another size than the artefact's, labels outside its
            classes, or logits that are not finite.
    """
    rows: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.int64]] = []
    names: list[str] = []
    for images, targets, batch_names in batches:
        logits = logits_of(session.run(images))
        _check(logits, targets, batch_names)
        rows.append(logits)
        labels.append(targets)
        names.extend(batch_names)
        if progress is not None:
            progress(len(images))
    if not names:
        raise InputError("no images to evaluate on; give a dataset that has some")
    return Evaluation(np.concatenate(rows), np.concatenate(labels), tuple(names))


def compare(evaluation: Evaluation, reference: Evaluation) -> Agreement:
    """Compare two evaluations image by image.

    Raises:
        InputError: they are of different images or numbers of classes.
    """
    if evaluation.names != reference.names:
        raise InputError(
            f"the artefact saw {evaluation.images} images and its reference {reference.images} "
            "others; evaluate both on the same dataset and limit"
        )
    if evaluation.logits.shape != reference.logits.shape:
        raise InputError(
            f"the artefact has {evaluation.logits.shape[1]} classes and its reference "
            f"{reference.logits.shape[1]}; compare artefacts of one network"
        )
    ours = evaluation.logits.astype(np.float64)
    theirs = reference.logits.astype(np.float64)
    noise = float(np.sum((theirs - ours) ** 2))
    signal = float(np.sum(theirs**2))
    paired = None
    if evaluation.labelled and reference.labelled:
        paired = PairedOutcomes.of(evaluation.correct, reference.correct)
    return Agreement(
        reference_top1=reference.top1,
        agreement=float(np.mean(evaluation.predictions == reference.predictions)),
        kl=mean_kl(theirs, ours),
        sqnr_db=float(10 * np.log10(signal / noise)) if noise > 0 and signal > 0 else None,
        max_abs=float(np.max(np.abs(theirs - ours))),
        top1_difference=paired.difference if paired else None,
        difference_interval=paired.difference_interval() if paired else None,
        mcnemar_p=paired.mcnemar_p() if paired else None,
    )


def mean_kl(reference: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Mean KL(softmax(reference) || softmax(other)) in nats of logits (images, classes)."""
    log_reference, log_other = _log_softmax(reference), _log_softmax(other)
    rows = np.sum(np.exp(log_reference) * (log_reference - log_other), axis=1)
    # Rounding may leave a tiny negative mean where both are equal.
    return max(0.0, float(np.mean(rows)))


def document(
    artefact: str,
    format: str,
    precision: str | None,
    evaluation: Evaluation,
    agreement: Agreement | None = None,
) -> EvaluationDocument:
    """The document of ``evaluate --json``."""
    reference: ReferenceDocument | None = None
    if agreement is not None:
        reference = {
            "top1": agreement.reference_top1,
            "agreement": agreement.agreement,
            "kl": agreement.kl,
            "top1_difference": agreement.top1_difference,
            "difference_interval": _tuple(agreement.difference_interval),
            "mcnemar_p": agreement.mcnemar_p,
        }
    return {
        "artefact": artefact,
        "format": format,
        "precision": precision,
        "images": evaluation.images,
        "top1": evaluation.top1,
        "top5": evaluation.top5,
        "top1_interval": _tuple(evaluation.top1_interval),
        "reference": reference,
    }


def save_logits(evaluation: Evaluation, path: Path) -> None:
    """Keep an evaluation as a compressed ``.npz``: float32 logits, labels and names.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            logits=evaluation.logits,
            labels=evaluation.labels,
            names=np.array(evaluation.names),
        )


def load_logits(path: Path) -> Evaluation:
    """Read what ``save_logits`` wrote; nothing pickled is read.

    Raises:
        InputError: missing, truncated or another kind of file.
    """
    advice = "evaluate again"
    stored = read_arrays(path, ("logits", "labels", "names"), "kept logits", advice)
    logits, labels, names = stored["logits"], stored["labels"], stored["names"]
    count = names.size
    fits = logits.ndim == 2 and len(logits) == count and labels.shape == names.shape == (count,)
    if not fits or (logits.dtype.kind, labels.dtype.kind, names.dtype.kind) != ("f", "i", "U"):
        raise InputError(f"{path}: holds no kept logits; {advice}")
    return Evaluation(
        logits.astype(np.float32), labels.astype(np.int64), tuple(str(name) for name in names)
    )


def _check(logits: NDArray[np.float32], labels: NDArray[np.int64], names: tuple[str, ...]) -> None:
    classes = logits.shape[1]
    for bad in np.flatnonzero((labels < UNLABELLED) | (labels >= classes))[:1]:
        raise InputError(
            f"{names[bad]}: has label {labels[bad]}, outside the artefact's classes "
            f"0..{classes - 1}; give data with its labels"
        )
    for bad in np.flatnonzero(~np.isfinite(logits).all(axis=1))[:1]:
        raise InputError(
            f"{names[bad]}: the artefact answers with logits that are not finite; "
            "export it again and check its ranges"
        )


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _tuple(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else interval.as_tuple()
