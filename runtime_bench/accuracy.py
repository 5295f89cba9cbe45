"""Accuracy of an artefact in its own runtime, and against another one on the same images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from runtime_bench.runtimes.base import Session, one_line
from stats.interval import Interval
from tasks import TASKS, Outputs, Task
from tasks.agreement import agreement_metric
from tasks.base import BadTargetError
from tasks.classification.task import logits_of
from tasks.scores import Score, scores_of
from zoo.arrays import read_arrays
from zoo.errors import InputError
from zoo.files import atomic_file

Batch = tuple[NDArray[np.float32], NDArray[np.int64] | Sequence[Any], tuple[str, ...]]
Progress = Callable[[int], None]
CLASSIFICATION = TASKS["classification"]


@dataclass(frozen=True)
class Evaluation:
    """What a network answered.

    Attributes:
        task: says what the rest means.
        predictions: the task's own, one an image.
        targets: what each should be, as the task has it.
        names: the images, in the order of ``predictions``.
        outputs: float32 (images, ...) by name; None where the task does not keep them.
    """

    task: Task
    predictions: list[Any] = field(repr=False)
    targets: list[Any] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    outputs: Outputs | None = field(default=None, repr=False)

    @classmethod
    def of_logits(
        cls, logits: NDArray[np.float32], labels: NDArray[np.int64], names: tuple[str, ...]
    ) -> Evaluation:
        """A classifier's: ``logits`` (images, classes), ``labels`` (images,), -1 for none."""
        outputs = {"logits": logits}
        predictions = CLASSIFICATION.decode(outputs)
        return cls(CLASSIFICATION, predictions, labels.tolist(), names, outputs)

    @property
    def images(self) -> int:
        """How many images were run."""
        return len(self.names)

    @property
    def labelled(self) -> bool:
        """Whether every image has a target; without, there is no accuracy."""
        return self.task.labelled(self.targets)

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """The task's metrics against the targets; none without."""
        return scores_of(self.task, self.predictions, self.targets)

    def parts(self, reference: Evaluation) -> dict[str, NDArray[np.float64]]:
        """By metric, what each image contributes to its value, (images, parts): of metrics against
        the targets, if there are any, and against ``reference``."""
        labels = tuple(m for m in self.task.metrics if m.against == "labels" and self.labelled)
        alike = (agreement_metric(self.task),)
        targets = self.task.as_targets(reference.predictions)
        found = {
            **(self.task.score(self.predictions, self.targets, labels) if labels else {}),
            **self.task.score(self.predictions, targets, alike),
        }
        return {name: evaluation.parts for name, evaluation in found.items()}

    def score(self, metric: str) -> Score | None:
        """That of one metric by its name; None where there is none."""
        return next((score for score in self.scores if score.metric == metric), None)

    @property
    def logits(self) -> NDArray[np.float32]:
        """A classifier's, float32 (images, classes)."""
        assert self.outputs is not None
        return logits_of(self.outputs)

    @property
    def labels(self) -> NDArray[np.int64]:
        """A classifier's targets, int64 (images,); -1 where an image has none."""
        return np.array(self.targets, np.int64)

    @property
    def classes(self) -> NDArray[np.int64]:
        """A classifier's first answers, int64 (images,)."""
        return np.array(self.task.as_targets(self.predictions), np.int64)

    @property
    def top1(self) -> float | None:
        """Share of images whose label has the largest logit; None without labels."""
        return _value(self.score("top1"))

    @property
    def top5(self) -> float | None:
        """Share whose label is among the 5 largest; None without labels."""
        return _value(self.score("top5"))

    @property
    def top1_interval(self) -> Interval | None:
        """Wilson's 95 % interval of ``top1``."""
        found = self.score("top1")
        return found.interval if found else None


def _value(score: Score | None) -> float | None:
    return score.value if score else None


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


class ReferenceDocument(TypedDict):
    """The ``reference`` of ``evaluate --json``; what is a classifier's is null for other tasks."""

    top1: float | None
    agreement: float
    kl: float | None
    top1_difference: float | None
    difference_interval: tuple[float, float] | None
    mcnemar_p: float | None


class ScoreDocument(TypedDict):
    """One metric, see ``tasks.scores.Score``."""

    metric: str
    value: float
    interval: tuple[float, float]
    reference: float | None
    difference: float | None
    difference_interval: tuple[float, float] | None
    p: float | None


class EvaluationDocument(TypedDict):
    """``evaluate --json``; ``reference`` is null where none was asked for."""

    artefact: str
    format: str
    precision: str | None
    images: int
    scores: list[ScoreDocument]
    top1: float | None
    top5: float | None
    top1_interval: tuple[float, float] | None
    reference: ReferenceDocument | None


def evaluate(
    session: Session,
    batches: Iterable[Batch],
    progress: Progress | None = None,
    task: Task = CLASSIFICATION,
) -> Evaluation:
    """Run every image of ``batches``.

    Args:
        session: the loaded artefact.
        batches: float32 (N, 3, height, width), N targets as the task has them, such as int64 (N,)
            labels (-1 for none), N names.
        progress: called with the number of images that were just done.
        task: says what the outputs mean.

    Raises:
        InputError: no images, images of another size than the artefact's, targets that no answer
            can be, or outputs that are not finite or not the task's.
    """
    rows: list[dict[str, NDArray[np.float32]]] = []
    predictions: list[Any] = []
    targets: list[Any] = []
    names: list[str] = []
    for images, own, batch_names in batches:
        outputs = session.run(images)
        _check_finite(outputs, batch_names)
        predictions += task.decode(outputs)
        targets += own.tolist() if isinstance(own, np.ndarray) else own
        names.extend(batch_names)
        if task.keeps_outputs:
            rows.append(outputs)
        if progress is not None:
            progress(len(images))
    if not names:
        raise InputError("no images to evaluate on; give a dataset that has some")
    kept = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]} if rows else None
    evaluation = Evaluation(task, predictions, targets, tuple(names), kept)
    try:
        _ = evaluation.scores
    except BadTargetError as error:
        raise InputError(f"{names[error.index]}: {error}") from error
    return evaluation


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
    kl = sqnr_db = max_abs = None
    if evaluation.outputs is not None and reference.outputs is not None:
        pairs = _pairs(evaluation.outputs, reference.outputs)
        ratios = [ratio for ratio in (_sqnr_db(*pair) for pair in pairs) if ratio is not None]
        sqnr_db = min(ratios, default=None)
        max_abs = max(float(np.max(np.abs(theirs - ours))) for ours, theirs in pairs)
        if task is CLASSIFICATION:
            ((ours, theirs),) = pairs
            kl = mean_kl(theirs, ours)
    scores = scores_of(task, evaluation.predictions, evaluation.targets, reference.predictions)
    by_name = {score.metric: score for score in scores}
    top1 = by_name.get("top1")
    return Agreement(
        scores=scores,
        agreement=by_name[agreement_metric(task).name].value,
        kl=kl,
        sqnr_db=sqnr_db,
        max_abs=max_abs,
        reference_top1=top1.reference if top1 else None,
        top1_difference=top1.difference if top1 else None,
        difference_interval=top1.difference_interval if top1 else None,
        mcnemar_p=top1.p if top1 else None,
    )


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


def _sqnr_db(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float | None:
    noise, signal = float(np.sum((theirs - ours) ** 2)), float(np.sum(theirs**2))
    return float(10 * np.log10(signal / noise)) if noise > 0 and signal > 0 else None


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
        "scores": [_score(score) for score in (agreement or evaluation).scores],
        "top1": evaluation.top1,
        "top5": evaluation.top5,
        "top1_interval": _tuple(evaluation.top1_interval),
        "reference": reference,
    }


def _score(score: Score) -> ScoreDocument:
    return {
        "metric": score.metric,
        "value": score.value,
        "interval": score.interval.as_tuple(),
        "reference": score.reference,
        "difference": score.difference,
        "difference_interval": _tuple(score.difference_interval),
        "p": score.p,
    }


def save_answers(evaluation: Evaluation, path: Path) -> None:
    """Keep an evaluation as a compressed ``.npz``: the task, the names, the packed predictions, the
    outputs, if there are any, and the targets, if they are classes.

    Raises:
        InputError: the file cannot be written.
    """
    packed = evaluation.task.pack(evaluation.predictions)
    outputs = evaluation.outputs or {}
    classes = [target for target in evaluation.targets if isinstance(target, int)]
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            task=np.array(evaluation.task.name),
            names=np.array(evaluation.names),
            outputs=np.array(list(outputs), np.str_),
            targets=np.array(classes, np.int64),
            **{f"prediction.{name}": array for name, array in packed.items()},
            **{f"output.{name}": array for name, array in outputs.items()},
        )


def load_answers(path: Path) -> Evaluation:
    """Read what ``save_answers`` wrote; nothing pickled is read.

    Raises:
        InputError: missing, truncated or another kind of file.
    """
    advice = "evaluate again"
    stored = read_arrays(path, (), "kept answers", advice, others=True)
    try:
        task = TASKS[str(stored["task"])]  # type: ignore[index]
        names = tuple(str(name) for name in stored["names"])
        packed = {
            key.removeprefix("prediction."): array
            for key, array in stored.items()
            if key.startswith("prediction.")
        }
        predictions = task.unpack(packed)
        outputs = {str(name): stored[f"output.{name}"] for name in stored["outputs"].tolist()}
        targets = stored["targets"]
        sizes = {len(predictions), *map(len, outputs.values()), targets.size or len(names)}
        if sizes != {len(names)} or targets.dtype != np.int64 or targets.ndim != 1:
            raise ValueError("its arrays differ in length")
        if any(value.dtype != np.float32 for value in outputs.values()):
            raise ValueError("its outputs are not float32")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: holds no kept answers ({one_line(error)}); {advice}") from error
    return Evaluation(task, predictions, targets.tolist(), names, outputs or None)


def _check_finite(outputs: Outputs, names: tuple[str, ...]) -> None:
    for name, value in outputs.items():
        finite = np.isfinite(value).reshape(len(value), -1).all(axis=1)
        for bad in np.flatnonzero(~finite)[:1]:
            raise InputError(
                f"{names[bad]}: the artefact answers with {name} that are not finite; "
                "export it again and check its ranges"
            )


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _tuple(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else interval.as_tuple()
