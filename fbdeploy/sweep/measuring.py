"""What a sweep's worker does on one target: time, or count, the artefacts of one network there."""

from __future__ import annotations

from pathlib import Path

from fbdeploy.latency.measure import LatencyRequest, measure_latency
from fbdeploy.pipeline.environment import cluster_host
from fbdeploy.pipeline.workers.jobs import Reporter
from fbdeploy.records.manifest import Artefact, Format
from fbdeploy.sweep.plan import TargetPlan
from runtime_bench.runners.build import cached_kit
from runtime_bench.runners.kit import RunnerKit, open_kit
from runtime_bench.runners.session import runner_command
from runtime_bench.targets.base import TargetLost
from runtime_bench.targets.opening import open_target
from runtime_bench.timing.modes import mode_of
from runtime_bench.timing.session import Subject
from zoo.documents import Schema
from zoo.errors import InputError


class MeasureArguments(Schema):
    """What to measure where.

    Attributes:
        folder: the sweep's output folder.
        target: where.
        mode: of ``bench``.
        threads: one session each.
        artefacts: of one network, with their path relative to ``folder``.
        sessions: thread count -> the artefacts (SHA-256) of each session that is there already.
    """

    folder: Path
    target: TargetPlan
    mode: str
    threads: tuple[int, ...]
    artefacts: tuple[Artefact, ...]
    sessions: dict[int, tuple[tuple[str, ...], ...]]


class Refused(Schema):
    """A format that the target cannot run, and why."""

    format: Format
    reason: str


def measure(report: Reporter, asked: MeasureArguments) -> None:
    """Measure all artefacts together for every thread count.

    Hands over a ``Measurement`` each, its path relative to the folder, and a ``Refused`` for what a
    device cannot run, such as LiteRT where there is no Python, which is left out.

    Raises:
        InputError: what ``measure_latency`` raises.
    """
    plan, root = asked.target, asked.folder
    entries = list(asked.artefacts)
    if not (plan.is_this_machine or plan.is_emulated):
        refused = _refused(plan, sorted({entry.format for entry in entries}))
        for fmt, reason in refused.items():
            report.result(Refused(format=fmt, reason=reason))
        entries = [entry for entry in entries if entry.format not in refused]
    wanted = {entry.sha256 for entry in entries}
    left = [
        count
        for count in asked.threads
        if not any(wanted <= set(session) for session in asked.sessions.get(count, ()))
    ]
    if not (left and entries):
        return
    request = LatencyRequest(
        subjects=tuple(
            Subject(root / entry.path, entry.precision, entry.variant) for entry in entries
        ),
        target=plan.address,
        threads=tuple(left),
        mode=mode_of(asked.mode),
        cores=plan.cores,
        cool_below=plan.cool_below,
        latency_model=plan.latency_model,
        runners=plan.runners,
    )
    for measurement in measure_latency(request, lambda done: report.progress("latency", done)):
        path = Path(measurement.artefact).relative_to(root).as_posix()
        report.result(measurement.model_copy(update={"artefact": path, "host": cluster_host()}))


def _refused(plan: TargetPlan, formats: list[str]) -> dict[str, str]:
    """The formats that have no runner on a device, with the reason."""
    kit: RunnerKit = cached_kit() if plan.runners is None else open_kit(plan.runners)
    refused = {}
    with open_target(plan.address) as target:
        for fmt in formats:
            try:
                kit.files(fmt)
                runner_command(target, fmt)
            except TargetLost:
                raise
            except InputError as error:
                refused[fmt] = str(error)
    return refused
