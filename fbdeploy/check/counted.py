"""What has no noise: bytes, shares of int8 and of the delegate, partitions, instructions."""

from __future__ import annotations

from collections.abc import Iterator

from fbdeploy.check.baseline import Record
from fbdeploy.check.draft import fails, final
from fbdeploy.check.findings import Finding, Verdict
from fbdeploy.check.rules import Measure, Rules
from fbdeploy.report import numbers


def compare_counted(before: Record, after: Record, rules: Rules) -> Iterator[Finding]:
    """Size and coverage; a measure that the baseline has not is left out."""
    yield growth("size", before.bytes, after.bytes, rules.max_growth, rules)
    if before.int8_share is not None:
        yield _share("int8_share", before.int8_share, after.int8_share, rules)
    if before.delegated_share is not None:
        yield _share("delegated_share", before.delegated_share, after.delegated_share, rules)
    if before.partitions is not None:
        yield _partitions(before.partitions, after.partitions, rules)


def growth(
    measure: Measure, before: int, after: int, percent: float, rules: Rules, subject: str = ""
) -> Finding:
    """A count that may grow by ``percent`` at most."""
    change, limit = after / max(1, before) - 1, percent / 100
    grown = change > limit
    reason = f"grew by {100 * change:.1f} %, more than {percent:g} %" if grown else ""
    return _finding(measure, before, after, change, limit, grown, reason, rules, subject)


def _share(measure: Measure, before: float, after: float | None, rules: Rules) -> Finding:
    if after is None:
        return final(measure, "INCOMPARABLE", rules, "is not known of this run's artefact")
    change, limit = after - before, rules.max_coverage_drop / 100
    # Rounding alone must not decide at the limit.
    fallen = -change > limit + 1e-9
    reason = ""
    if fallen:
        reason = f"fell from {numbers.percent(before, 1)} to {numbers.percent(after, 1)}"
    return _finding(measure, before, after, change, limit, fallen, reason, rules)


def _partitions(before: int, after: int | None, rules: Rules) -> Finding:
    if after is None:
        return final("partitions", "INCOMPARABLE", rules, "are not known of this run's artefact")
    more, limit = after - before, rules.max_more_partitions
    reason = f"{before} became {after}" if more > limit else ""
    return _finding("partitions", before, after, more, limit, more > limit, reason, rules)


def _finding(
    measure: Measure,
    before: float,
    after: float,
    change: float,
    limit: float,
    regressed: bool,
    reason: str,
    rules: Rules,
    subject: str = "",
) -> Finding:
    verdict: Verdict = "REGRESSED" if regressed else "PASS"
    return Finding(
        measure=measure,
        subject=subject,
        verdict=verdict,
        failed=fails(measure, verdict, rules),
        before=before,
        after=after,
        change=change,
        limit=limit,
        reason=reason,
    )
