"""The latencies of one artefact before and after: which may be compared, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fbdeploy.check.baseline import Baseline, Latency, Record
from fbdeploy.check.counted import growth
from fbdeploy.check.draft import Draft, final
from fbdeploy.check.rules import Measure, Rules
from fbdeploy.check.timing import compare_timings
from runtime_bench.measurement import SAME_DEVICE
from stats.percentiles import percentile


def compare_latencies(
    baselines: tuple[Baseline, Baseline], records: tuple[Record, Record], rules: Rules
) -> Iterator[Draft]:
    """One draft a latency, or count of instructions, of the baseline."""
    specs = [baseline.input_spec for baseline in baselines]
    sizes = [f"{spec.height}x{spec.width}" for spec in specs]
    for then in records[0].latencies:
        subject = f"{then.target}, {then.threads} thread{'s' if then.threads > 1 else ''}"
        measure: Measure = "latency" if then.instructions is None else "instructions"
        now = same_setting(then, records[1].latencies)
        unlike = why_unlike(then, now, records[1].latencies)
        if not unlike and sizes[0] != sizes[1]:
            unlike = f"input {sizes[0]} then, {sizes[1]} now"
        if unlike or now is None:
            yield Draft(final(measure, "INCOMPARABLE", rules, unlike, subject))
        elif then.instructions is not None and now.instructions is not None:
            yield Draft(
                growth(
                    "instructions",
                    then.instructions,
                    now.instructions,
                    rules.max_instruction_growth,
                    rules,
                    subject,
                )
            )
        else:
            yield _timed(then, now, subject, rules)


def same_setting(then: Latency, candidates: Sequence[Latency]) -> Latency | None:
    """The latency of the same target, threads and kind; None if there is none."""
    wanted = (then.target, then.threads, then.kind)
    return next((one for one in candidates if (one.target, one.threads, one.kind) == wanted), None)


def why_unlike(then: Latency, now: Latency | None, candidates: Sequence[Latency]) -> str:
    """Why the two may not be compared; empty if they may."""
    if now is None:
        others = {str(one.threads) for one in candidates if one.target == then.target}
        if others:
            return f"{then.threads} thread(s) then, {', '.join(sorted(others))} now"
        return f"was not timed on {then.target} in this run"
    for name in SAME_DEVICE:
        old, new = getattr(then.device, name), getattr(now.device, name)
        if old != new:
            return f"another device: {name} {_text(old)} then, {_text(new)} now"
    if then.cpu_mask != now.cpu_mask:
        return f"bound to cores {_text(then.cpu_mask)} then, {_text(now.cpu_mask)} now"
    if then.runtime != now.runtime:
        return f"another runtime: {then.runtime} then, {now.runtime} now"
    if (then.instructions is None) != (now.instructions is None):
        return "instructions on one side, times on the other"
    if then.instructions is None and not (then.rounds_ns and now.rounds_ns):
        return "a side has no samples"
    return ""


def _timed(then: Latency, now: Latency, subject: str, rules: Rules) -> Draft:
    timing = compare_timings(then.rounds_ns, now.rounds_ns, then.noise, now.noise, rules)
    version = ""
    if then.runtime_version != now.runtime_version:
        version = f"{now.runtime} {then.runtime_version} then, {now.runtime_version} now"
    interval = timing.ratio.interval
    base = final("latency", "NOISY" if timing.noise else "PASS", rules, subject=subject)
    finding = base.model_copy(
        update={
            "before": percentile(then.rounds_ns, 50) / 1e6,
            "after": percentile(now.rounds_ns, 50) / 1e6,
            "change": timing.ratio.ratio - 1,
            "change_interval": (interval.low - 1, interval.high - 1),
            "limit": rules.max_slowdown / 100,
            "reason": "; ".join(part for part in (timing.noise, version) if part),
        }
    )
    return Draft(finding, None if timing.noise else timing.hypothesis, "median latency")


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value) if value not in (None, "") else "none"
