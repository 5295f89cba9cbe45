"""What an artefact answers on every image, in its own runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime_bench.runtimes.base import Answering
from stats.interval import Interval
from tasks.base import BadTargetError, Outputs, Task
from tasks.base import Evaluation as Figure
from tasks.logits import logits_of
from tasks.scores import Score, alike_of, figures_of, scores_against
from tasks.table import TASKS
from zoo.datasets import Batch
from zoo.errors import InputError

ImagesDone = Callable[[int], None]
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
    def figures(self) -> dict[str, Figure]:
        """The task's metrics against the targets, by name; none without."""
        return figures_of(self.task, self.predictions, self.targets)

    @cached_property
    def scores(self) -> tuple[Score, ...]:
        """The task's metrics against the targets; none without."""
        return scores_against(self.task, self.figures, {})

    def check_targets(self) -> None:
        """Refuse targets that no answer can be.

        Raises:
            InputError: as ``Task.score``.
        """
        if self.labelled:
            self.task.score(self.predictions, self.targets, self.task.metrics[:1])

    def parts(self, reference: Evaluation) -> dict[str, NDArray[np.float64]]:
        """By metric, what each image contributes to its value, (images, parts): of metrics against
        the targets, if there are any, and against ``reference``."""
        found = self.figures | self.alike(reference)
        return {name: figure.parts for name, figure in found.items()}

    def alike(self, reference: Evaluation) -> dict[str, Figure]:
        """The task's metrics against what ``reference`` answered, by name."""
        return alike_of(self.task, self.predictions, reference.predictions)

    def score(self, metric: str) -> Score | None:
        """That of one metric by its name; None where there is none."""
        if all(metric != own.name for own in self.task.metrics):
            return None  # without the others' intervals
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


def evaluate(
    session: Answering,
    batches: Iterable[Batch],
    progress: ImagesDone | None = None,
    task: Task = CLASSIFICATION,
) -> Evaluation:
    """Run every image of ``batches``.

    Args:
        session: the loaded artefact.
        batches: the images, their targets as the task has them, and their names.
        progress: called with the number of images that were just done.
        task: says what the outputs mean.

    Raises:
        InputError: no images, images of another size than the artefact's, targets that no answer
            can be, or outputs that are not finite or not the task's.
    """
    (evaluation,) = evaluate_together([session], batches, progress, task)
    return evaluation


def evaluate_together(
    sessions: Sequence[Answering],
    batches: Iterable[Batch],
    progress: ImagesDone | None = None,
    task: Task = CLASSIFICATION,
) -> list[Evaluation]:
    """:func:`evaluate` for several artefacts of one task and input, whose images are read once."""
    answers = [_Answers(session, task) for session in sessions]
    targets: list[Any] = []
    names: list[str] = []
    for batch in batches:
        for one in answers:
            one.add(batch)
        own = batch.targets
        targets += own.tolist() if isinstance(own, np.ndarray) else own
        names.extend(batch.names)
        if progress is not None:
            progress(len(batch.images))
    if not names:
        raise InputError("no images to evaluate on; give a dataset that has some")
    return [one.evaluation(targets, tuple(names)) for one in answers]


class _Answers:
    """What one artefact answers, batch after batch."""

    def __init__(self, session: Answering, task: Task) -> None:
        self._session, self._task = session, task
        self._rows: list[dict[str, NDArray[np.float32]]] = []
        self._predictions: list[Any] = []

    def add(self, batch: Batch) -> None:
        outputs = self._session.run(batch.images)
        _check_finite(outputs, batch.names)
        self._predictions += self._task.decode(outputs, batch.frames)
        if self._task.keeps_outputs:
            self._rows.append(outputs)

    def evaluation(self, targets: list[Any], names: tuple[str, ...]) -> Evaluation:
        kept = None
        if self._rows:
            kept = {
                name: np.concatenate([row[name] for row in self._rows]) for name in self._rows[0]
            }
        evaluation = Evaluation(self._task, self._predictions, targets, names, kept)
        try:
            evaluation.check_targets()
        except BadTargetError as error:
            raise InputError(f"{names[error.index]}: {error}") from error
        return evaluation


def _check_finite(outputs: Outputs, names: tuple[str, ...]) -> None:
    for name, value in outputs.items():
        finite = np.isfinite(value).reshape(len(value), -1).all(axis=1)
        for bad in np.flatnonzero(~finite)[:1]:
            raise InputError(
                f"{names[bad]}: the artefact answers with {name} that are not finite; "
                "export it again and check its ranges"
            )
