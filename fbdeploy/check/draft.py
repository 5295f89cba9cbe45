"""A finding before all p-values are known, and what it becomes once they are."""

from __future__ import annotations

from dataclasses import dataclass, field

from fbdeploy.check.decide import Decision, Hypothesis, detectable_drop
from fbdeploy.check.findings import ClassDrop, Finding, Verdict
from fbdeploy.check.rules import Measure, Rules
from fbdeploy.report import numbers

NAMED_CLASSES = 5
"""As many of an artefact's regressed classes are named in words; the document has them all."""


@dataclass(frozen=True)
class Draft:
    """What was found, and the hypothesis that decides on it where chance may play a part.

    Attributes:
        finding: as it stays if the hypothesis is not rejected.
        hypothesis: None where the finding is final.
        what: the measure in words, such as ``top-1``.
        flipped: of ``images``, those whose outcome changed either way, a net drop left out; 0 for
            other measures.
        classes: those beyond the limit, their p-values adjusted within the artefact alone.
    """

    finding: Finding
    hypothesis: Hypothesis | None = None
    what: str = ""
    flipped: int = 0
    images: int = 0
    classes: tuple[ClassDrop, ...] = field(default=())


def final(
    measure: Measure, verdict: Verdict, rules: Rules, reason: str = "", subject: str = ""
) -> Finding:
    """A finding without numbers, with what its verdict means for the whole check."""
    return Finding(
        measure=measure,
        subject=subject,
        verdict=verdict,
        failed=fails(measure, verdict, rules),
        reason=reason,
    )


def fails(measure: Measure, verdict: Verdict, rules: Rules) -> bool:
    """Whether one such finding makes the check fail."""
    if verdict in ("NOISY", "INCOMPARABLE"):
        return measure in rules.required
    return verdict in ("REGRESSED", "MISSING")


def settle(draft: Draft, decision: Decision, rules: Rules) -> Finding:
    """The finding with its verdict."""
    hypothesis, found = draft.hypothesis, draft.finding
    assert hypothesis is not None
    verdict: Verdict = "REGRESSED" if decision.regressed else "PASS"
    changes: dict[str, object] = {
        "verdict": verdict,
        "failed": fails(found.measure, verdict, rules),
        "p_value": hypothesis.p_value,
        "adjusted_p": decision.adjusted_p,
    }
    if draft.images and found.limit is not None and decision.level > 0:
        changes["detectable"] = detectable_drop(
            draft.flipped, draft.images, decision.level, found.limit
        )
    if draft.classes:
        # The whole artefact's adjustment for the rest of the check counts for each class.
        factor = decision.adjusted_p / hypothesis.p_value if hypothesis.p_value else 1.0
        adjusted = (
            one.model_copy(update={"adjusted_p": min(1.0, one.adjusted_p * factor)})
            for one in draft.classes
        )
        changes["classes"] = tuple(
            one for one in adjusted if decision.regressed and one.adjusted_p <= rules.false_alarm
        )
    settled = found.model_copy(update=changes)
    parts = (_explain(draft, settled, hypothesis.exceeds, rules), found.reason)
    return settled.model_copy(update={"reason": "; ".join(part for part in parts if part)})


def _explain(draft: Draft, found: Finding, exceeds: bool, rules: Rules) -> str:
    significant = found.adjusted_p is not None and found.adjusted_p <= rules.false_alarm
    p_value = f"p {numbers.significant(found.adjusted_p, 2)}"
    if found.verdict == "REGRESSED":
        if found.measure == "classes":
            more = len(found.classes) - NAMED_CLASSES
            named = [_class(one) for one in found.classes[:NAMED_CLASSES]]
            return "; ".join([*named, *([f"and {more} more"] if more > 0 else [])])
        beyond = f"beyond {_limit(found)} and beyond chance ({p_value})"
        return f"{draft.what} {_change(found)}, {beyond}"
    if found.measure == "classes":
        return ""  # of many classes some always drop by chance
    if exceeds:
        return f"{draft.what} {_change(found)}, which chance explains ({p_value})"
    if significant:
        return f"{draft.what} {_change(found)}, beyond chance but within {_limit(found)}"
    return ""


def _change(found: Finding) -> str:
    """In words that fit after the measure's name."""
    change = found.change or 0.0
    if found.measure == "latency":
        return f"is {1 + change:.3f} times the baseline's"
    return f"fell by {abs(100 * change):.2f} points"


def _limit(found: Finding) -> str:
    limit = 100 * (found.limit or 0.0)
    return f"{limit:g} %" if found.measure == "latency" else f"{limit:g} points"


def _class(one: ClassDrop) -> str:
    before, after = numbers.percent(one.before, 1), numbers.percent(one.after, 1)
    return (
        f"{one.name} fell from {before} to {after} of {one.images} images "
        f"(p {numbers.significant(one.adjusted_p, 2)})"
    )
