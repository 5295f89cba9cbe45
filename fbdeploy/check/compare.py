"""The whole check: every artefact of the baseline against the output folder's, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fbdeploy.check.answers import Answers, compare_answers, unlike_images
from fbdeploy.check.baseline import Baseline, Record
from fbdeploy.check.counted import compare_counted
from fbdeploy.check.decide import decide
from fbdeploy.check.draft import Draft, final, settle
from fbdeploy.check.findings import ArtefactReport, CheckReport
from fbdeploy.check.latencies import compare_latencies
from fbdeploy.check.rules import Rules
from fbdeploy.records.manifest import Failure


def compare_baselines(
    before: Baseline,
    after: Baseline,
    rules: Rules,
    class_names: Sequence[str] = (),
    failures: Sequence[Failure] = (),
) -> CheckReport:
    """Hold ``after`` against ``before``.

    Args:
        before: the baseline.
        after: this run, reduced by ``baseline_of``.
        rules: thresholds.
        class_names: by index.
        failures: of this run's manifest; they tell why an artefact is missing.
    """
    known = {record.key: record for record in after.artefacts}
    sides = (Answers.of(before), Answers.of(after))
    unlike = unlike_images(*sides)
    drafts: list[tuple[Record, list[Draft]]] = []
    for then in before.artefacts:
        now = known.pop(then.key, None)
        if now is None:
            reason = _why_missing(then, failures)
            drafts.append((then, [Draft(final("artefact", "MISSING", rules, reason))]))
            continue
        found = list(compare_answers(*sides, (then, now), unlike, class_names, rules))
        found += [Draft(finding) for finding in compare_counted(then, now, rules)]
        found += compare_latencies((before, after), (then, now), rules)
        drafts.append((now, found))
    for record in known.values():
        reason = "is not in the baseline"
        drafts.append((record, [Draft(final("artefact", "NEW", rules, reason))]))
    reports = _settle(drafts, rules)
    return CheckReport(
        verdict=_verdict(reports),
        baseline_created=before.created,
        network=after.network,
        headline=sides[1].task.metrics[0].title,
        rules=rules,
        artefacts=reports,
        notes=tuple(_notes(before, after)),
    )


def _why_missing(record: Record, failures: Sequence[Failure]) -> str:
    for failure in failures:
        # A worker that died names no build: it was all of its format.
        if failure.format == record.format and failure.build in ("", record.build):
            return f"{failure.step} failed: {failure.message}"
    return "is in the baseline and not in this run"


def _settle(drafts: list[tuple[Record, list[Draft]]], rules: Rules) -> tuple[ArtefactReport, ...]:
    hypotheses = [d.hypothesis for _, own in drafts for d in own if d.hypothesis is not None]
    decisions = iter(decide(hypotheses, rules))
    return tuple(
        ArtefactReport(
            format=record.format,
            precision=record.precision,
            program=record.program,
            variant=record.variant,
            findings=tuple(
                draft.finding if draft.hypothesis is None else settle(draft, next(decisions), rules)
                for draft in own
            ),
        )
        for record, own in drafts
    )


def _verdict(
    reports: Sequence[ArtefactReport],
) -> Literal["PASS", "REGRESSED", "INCOMPARABLE"]:
    failed = {f.verdict for report in reports for f in report.findings if f.failed}
    if failed & {"REGRESSED", "MISSING"}:
        return "REGRESSED"
    return "INCOMPARABLE" if failed else "PASS"


def _notes(before: Baseline, after: Baseline) -> list[str]:
    notes = []
    if before.network != after.network:
        notes.append(f"the baseline is of {before.network}, this run of {after.network}")
    if before.weights_sha256 != after.weights_sha256:
        notes.append("the weights are others than the baseline's")
    if before.input_spec != after.input_spec:
        notes.append("the pre-processing is another than the baseline's")
    if before.fbdeploy_version != after.fbdeploy_version:
        versions = f"{before.fbdeploy_version} then, {after.fbdeploy_version} now"
        notes.append(f"fbdeploy {versions}")
    return notes
