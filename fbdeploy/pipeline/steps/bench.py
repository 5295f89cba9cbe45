"""Bench: the latency of all artefacts, in turns, since only such times may be compared."""

from __future__ import annotations

from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.pipeline.deployment import Deployment
from fbdeploy.pipeline.environment import cluster_host
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.running import StepArguments, StepJob
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.records.manifest import Artefact
from runtime_bench.machine.device import describe
from runtime_bench.measurement import LOCAL, Device, Measurement
from runtime_bench.timing.modes import MODES

MEMORY = 3000 * MEGABYTE


class BenchArguments(StepArguments):
    """``artefacts`` are those whose runtime here is the one of a device."""

    artefacts: tuple[Artefact, ...]


def jobs(
    deployment: Deployment, work: Work[BenchArguments], timed_on: Device | None = None
) -> list[StepJob]:
    """One, unless a session that is there holds all artefacts, or there is nothing to time.

    ``timed_on`` is the machine that they are timed on, None for this one.
    """
    timed = [entry for entry in deployment.shippable if FORMAT_INFO[entry.format].timed]
    wanted = {entry.sha256 for entry in timed}
    here = timed_on or describe()
    sessions: dict[str, set[str]] = {}
    for line in deployment.folder.latencies:
        if _is_as_asked(line, deployment.request, here):
            sessions.setdefault(line.session, set()).add(line.sha256)
    if not wanted or any(wanted <= known for known in sessions.values()):
        return []
    job = Job.calling(
        work,
        BenchArguments(request=deployment.request, artefacts=tuple(timed)),
        name="bench",
        title="latency",
        memory=MEMORY,
        exclusive=True,
        timed=True,
    )
    return [StepJob(job, {Measurement: deployment.folder.add_line}, step="bench")]


def _is_as_asked(line: Measurement, request: DeployRequest, here: Device) -> bool:
    """Whether a measurement is of the device ``here``, in a mode that measures at least as long."""
    if (line.target, line.threads) != (LOCAL, request.threads) or line.mode not in MODES:
        return False
    if line.device.identity != here.identity:
        return False
    return MODES[line.mode].minimum_seconds >= MODES[request.mode].minimum_seconds


def bench(report: Reporter, asked: BenchArguments) -> None:
    """Time all artefacts in turns; hands over a ``Measurement`` each."""
    from runtime_bench.timing.modes import mode_of
    from runtime_bench.timing.protocol import benchmark
    from runtime_bench.timing.session import Subject

    output = asked.request.output
    measurements = benchmark(
        [Subject(output / one.path, one.precision, one.variant) for one in asked.artefacts],
        threads=asked.request.threads,
        mode=mode_of(asked.request.mode),
        memory=True,
        progress=lambda done: report.progress("latency", done),
    )
    for measurement in measurements:
        path = Path(measurement.artefact).relative_to(output).as_posix()
        report.result(measurement.model_copy(update={"artefact": path, "host": cluster_host()}))
