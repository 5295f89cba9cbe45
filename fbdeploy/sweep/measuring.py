"""What a sweep's worker does on one target: time, or count, the artefacts of one network there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fbdeploy.latency.measure import LatencyRequest, measure_latency
from fbdeploy.pipeline.workers.worker import Reporter
from fbdeploy.records.manifest import Artefact
from fbdeploy.sweep.plan import TargetPlan
from runtime_bench.runners.build import cached_kit
from runtime_bench.runners.kit import RunnerKit, open_kit
from runtime_bench.runners.session import runner_command
from runtime_bench.targets.base import TargetLost
from runtime_bench.targets.opening import open_target
from runtime_bench.timing.modes import mode_of
from runtime_bench.timing.session import Subject
from zoo.errors import InputError


def measure(
    report: Reporter,
    *,
    folder: str,
    target: dict[str, Any],
    mode: str,
    threads: list[int],
    artefacts: list[dict[str, Any]],
    sessions: dict[str, list[list[str]]],
) -> None:
    """Measure all artefacts together for every thread count; each measurement is handed over.

    What a device cannot run, such as LiteRT where there is no Python, is told and left out.

    Args:
        report: takes ``timed`` measurements, their paths relative to ``folder``, and ``refused``
            formats with the reason.
        folder: the sweep's output folder.
        target: a ``TargetPlan``.
        mode: of ``bench``.
        threads: one session each.
        artefacts: of one network, manifest entries with their path relative to ``folder``.
        sessions: thread count -> the artefacts (SHA-256) of each session that is there already.

    Raises:
        InputError: what ``measure_latency`` raises.
    """
    plan = TargetPlan.model_validate(target)
    entries = [Artefact.model_validate(value) for value in artefacts]
    if not (plan.is_this_machine or plan.is_emulated):
        refused = _refused(plan, sorted({entry.format for entry in entries}))
        for form, reason in refused.items():
            report.result("refused", {"format": form, "reason": reason})
        entries = [entry for entry in entries if entry.format not in refused]
    wanted = {entry.sha256 for entry in entries}
    left = [
        count
        for count in threads
        if not any(wanted <= set(session) for session in sessions.get(str(count), []))
    ]
    if not (left and entries):
        return
    root = Path(folder)
    request = LatencyRequest(
        subjects=tuple(
            Subject(root / entry.path, entry.precision, entry.variant) for entry in entries
        ),
        target=plan.address,
        threads=tuple(left),
        mode=mode_of(mode),
        cores=plan.cores,
        cool_below=plan.cool_below,
        calibration=plan.calibration,
        runners=plan.runners,
    )
    for measurement in measure_latency(request, lambda done: report.progress("latency", done)):
        path = Path(measurement.artefact).relative_to(root).as_posix()
        report.result("timed", measurement.model_copy(update={"artefact": path}))


def _refused(plan: TargetPlan, formats: list[str]) -> dict[str, str]:
    """The formats that have no runner on a device, with the reason."""
    kit: RunnerKit = cached_kit() if plan.runners is None else open_kit(plan.runners)
    refused = {}
    with open_target(plan.address) as target:
        for form in formats:
            try:
                kit.files(form)
                runner_command(target, form)
            except TargetLost:
                raise
            except InputError as error:
                refused[form] = str(error)
    return refused
