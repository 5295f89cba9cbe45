"""The answers of one artefact before and after: drafts about accuracy, agreement and classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fbdeploy.check.baseline import Baseline, Record
from fbdeploy.check.draft import Draft, final
from fbdeploy.check.findings import ClassDrop, Finding
from fbdeploy.check.paired import ClassTest, class_test, count_changes, paired_hypothesis
from fbdeploy.check.resampled import resampled_change
from fbdeploy.check.rules import Rules, TestedMeasure
from stats.interval import Interval
from stats.proportions import PairedOutcomes
from tasks.base import Evaluation, Task
from tasks.metric import Metric
from tasks.metrics import agreement_of
from tasks.scores import right
from tasks.table import task_named

BoolVector = NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """One side, its labels unpacked once for all artefacts."""

    baseline: Baseline
    labels: NDArray[np.int32]

    @classmethod
    def of(cls, baseline: Baseline) -> Answers:
        """Unpack ``baseline``."""
        return cls(baseline, baseline.labels())

    @property
    def task(self) -> Task:
        """What the network is for; classification where it was not scored."""
        data = self.baseline.data
        return task_named(data.task if data else "classification")


def unlike_images(
    before: Answers, after: Answers, names: tuple[str, str] = ("the baseline", "this run")
) -> str:
    """Why the two sides cannot be paired, in words; empty if they can. ``names`` are theirs."""
    then, now = before.baseline.data, after.baseline.data
    if then is None or now is None:
        missing = (then is None, now is None)
        unscored = " and ".join(name for name, gone in zip(names, missing, strict=True) if gone)
        return f"nothing was scored in {unscored}; deploy with --data, or --require other measures"
    if then.images != now.images:
        return f"{then.images} images then, {now.images} now; deploy with the same --images"
    if then.task != now.task:
        return f"{names[0]}'s network is for {then.task}, {names[1]}'s for {now.task}"
    if then.sha256 != now.sha256:
        return f"other images than {names[0]}'s ({now.name} now, {then.name} then)"
    if not np.array_equal(before.labels, after.labels):
        return f"the images have other labels than {names[0]}'s"
    return ""


def compare_answers(
    before: Answers,
    after: Answers,
    records: tuple[Record, Record],
    unlike: str,
    class_names: Sequence[str],
    rules: Rules,
) -> Iterator[Draft]:
    """Drafts about one artefact.

    Args:
        before: the baseline's side.
        after: this run's side.
        records: the artefact on either side.
        unlike: of ``unlike_images``.
        class_names: by index; fewer than there are classes where they are not known.
        rules: thresholds.
    """
    missing = [record.parts is None for record in records]
    if not unlike and any(missing):
        unlike = f"was not scored in {'the baseline' if missing[0] else 'this run'}"
    if unlike:
        yield Draft(final("accuracy", "INCOMPARABLE", rules, unlike))
        yield Draft(final("agreement", "INCOMPARABLE", rules, unlike))
        return
    headline, alike = after.task.metrics[0], agreement_of(after.task.metrics)
    for metric in after.task.metrics:
        pair = _both(before, after, records, metric) if metric.decides else None
        if pair is None:
            continue
        subject = "" if metric is headline else metric.title
        yield _paired("accuracy", metric.title, metric, *pair, rules.max_drop / 100, subject)
        if metric.kind == "binary" and after.labels.size:
            yield _classes_draft(right(pair[0]), right(pair[1]), after.labels, class_names, rules)
    pair = _both(before, after, records, alike)
    if pair is not None:
        limit = rules.max_agreement_drop / 100
        yield _paired("agreement", f"{alike.title} with float", alike, *pair, limit)


def _both(
    before: Answers, after: Answers, records: tuple[Record, Record], metric: Metric
) -> tuple[Evaluation, Evaluation] | None:
    """The metric on either side; None where one of them does not tell it."""
    then = before.baseline.evaluation(records[0], metric)
    now = after.baseline.evaluation(records[1], metric)
    return None if then is None or now is None else (then, now)


def _paired(
    measure: TestedMeasure,
    what: str,
    metric: Metric,
    then: Evaluation,
    now: Evaluation,
    limit: float,
    subject: str = "",
) -> Draft:
    if metric.kind != "binary":
        found = resampled_change(measure, metric, then, now, limit)
        finding = _undecided(measure, then, now, found.change, found.interval, limit, subject)
        return Draft(finding, found.hypothesis, what)
    paired = PairedOutcomes.of(right(now), right(then))
    change, interval = paired.difference, paired.difference_interval()
    worse, better = paired.second_only, paired.first_only
    return Draft(
        _undecided(measure, then, now, change, interval, limit, subject),
        paired_hypothesis(measure, worse, better, paired.images, limit),
        what,
        flipped=better + min(worse, better),
        images=paired.images,
    )


def _undecided(
    measure: TestedMeasure,
    then: Evaluation,
    now: Evaluation,
    change: float,
    interval: Interval,
    limit: float,
    subject: str,
) -> Finding:
    """What is known of a metric before it is decided; ``subject`` names it, if it is not the task's
    first."""
    return Finding(
        measure=measure,
        subject=subject,
        verdict="PASS",
        failed=False,
        before=then.value(),
        after=now.value(),
        change=change,
        change_interval=interval,
        limit=limit,
    )


def _classes_draft(
    then: BoolVector,
    now: BoolVector,
    labels: NDArray[np.int32],
    class_names: Sequence[str],
    rules: Rules,
) -> Draft:
    worse, better, images = count_changes(then, now, labels)
    test = class_test(worse, better, images, rules)
    before = np.bincount(labels[then], minlength=len(images))
    return _classes(test, before, before - worse + better, images, class_names, rules)


def _classes(
    test: ClassTest,
    right_then: NDArray[np.int64],
    right_now: NDArray[np.int64],
    images: NDArray[np.int64],
    names: Sequence[str],
    rules: Rules,
) -> Draft:
    dropped = tuple(
        ClassDrop(
            index=index,
            name=names[index] if index < len(names) else f"class {index}",
            images=int(images[index]),
            before=float(right_then[index] / images[index]),
            after=float(right_now[index] / images[index]),
            adjusted_p=float(test.p_values[index]),
        )
        for index in sorted(
            np.flatnonzero(test.candidates).tolist(), key=lambda index: float(test.p_values[index])
        )
    )
    finding = Finding(
        measure="classes", verdict="PASS", failed=False, limit=rules.max_class_drop / 100
    )
    return Draft(finding, test.hypothesis, "classes", classes=dropped)
