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
from fbdeploy.check.rules import Rules, TestedMeasure
from stats.proportions import PairedOutcomes

BoolVector = NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """Labels and the float network's answers of one side, unpacked once for all artefacts."""

    baseline: Baseline
    labels: NDArray[np.int32]
    reference: NDArray[np.int32]

    @classmethod
    def of(cls, baseline: Baseline) -> Answers:
        """Unpack ``baseline``."""
        return cls(baseline, baseline.labels(), baseline.reference())

    def top1(self, record: Record) -> NDArray[np.int32] | None:
        """int32 (images,); None where the artefact was not scored."""
        return self.baseline.top1(record)


def unlike_images(before: Answers, after: Answers) -> str:
    """Why the two sides cannot be paired, in words; empty if they can."""
    then, now = before.baseline.data, after.baseline.data
    if then is None or now is None:
        return f"{'the baseline' if then is None else 'this run'} has no predictions"
    if then.images != now.images:
        return f"{then.images} images then, {now.images} now; deploy with the same --images"
    if then.sha256 != now.sha256:
        return f"other images than the baseline's ({now.name} now, {then.name} then)"
    if not np.array_equal(before.labels, after.labels):
        return "the images have other labels than the baseline's"
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
    then, now = before.top1(records[0]), after.top1(records[1])
    if not unlike and (then is None or now is None):
        unlike = f"was not scored in {'the baseline' if then is None else 'this run'}"
    if unlike or then is None or now is None:
        yield Draft(final("accuracy", "INCOMPARABLE", rules, unlike))
        yield Draft(final("agreement", "INCOMPARABLE", rules, unlike))
        return
    labels = after.labels
    if not np.any(labels < 0):
        right_then, right_now = then == labels, now == labels
        limit = rules.max_drop / 100
        yield _paired("accuracy", "top-1", right_then, right_now, limit)
        worse, better, images = count_changes(right_then, right_now, labels)
        test = class_test(worse, better, images, rules)
        right = np.bincount(labels[right_then], minlength=len(images))
        yield _classes(test, right, right - worse + better, images, class_names, rules)
    agreed = (then == before.reference, now == after.reference)
    limit = rules.max_agreement_drop / 100
    yield _paired("agreement", "agreement with float", agreed[0], agreed[1], limit)


def _paired(
    measure: TestedMeasure, what: str, then: BoolVector, now: BoolVector, limit: float
) -> Draft:
    paired = PairedOutcomes.of(now, then)
    finding = Finding(
        measure=measure,
        verdict="PASS",
        failed=False,
        before=float(np.mean(then)),
        after=float(np.mean(now)),
        change=paired.difference,
        change_interval=paired.difference_interval().as_tuple(),
        limit=limit,
    )
    worse, better = paired.second_only, paired.first_only
    return Draft(
        finding,
        paired_hypothesis(measure, worse, better, paired.images, limit),
        what,
        flipped=better + min(worse, better),
        images=paired.images,
    )


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
