"""The deploy pipeline: prepare, train, export, evaluate, time, report; what is finished is kept.

Every step is a file in ``steps/`` and runs in worker processes. The manifest is written after each
finished artefact, a line of results.jsonl after each measurement, so a run that ends early, for
whatever reason, leaves everything finished in place, and the next one goes on there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fbdeploy.pipeline.deployment import Deployment
from fbdeploy.pipeline.environment import cores
from fbdeploy.pipeline.folder import held
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.running import Observer, Start
from fbdeploy.pipeline.stages import Stages
from fbdeploy.pipeline.steps import (
    bench,
    bundle,
    evaluate,
    export,
    parts,
    prepare,
    reference,
    train,
)
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.pipeline.workers.local import LocalRunner
from fbdeploy.pipeline.workers.runner import ALL_THREADS, Place, Runner
from fbdeploy.records.manifest import Manifest
from fbdeploy.records.results import Line
from fbdeploy.records.rows import ResultRow, summarize
from fbdeploy.report.model_card import write_card
from fbdeploy.report.page import write_report
from fbdeploy.report.problems import problems
from fbdeploy.report.summary import summary


@dataclass(frozen=True)
class Deployed:
    """What a run leaves: everything in the output folder, and whether all of it went well."""

    manifest: Manifest = field(repr=False)
    lines: list[Line] = field(repr=False)
    report: Path
    complete: bool

    @property
    def results(self) -> list[ResultRow]:
        """One row an artefact: its size, coverage, accuracy and latency."""
        return summarize(self.manifest, self.lines)

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong, in whole sentences, the gravest first."""
        return problems(self.manifest)

    def __str__(self) -> str:
        """The table that ``fbdeploy deploy`` ends with, and what to ship."""
        return summary(self.manifest, self.lines, self.report)


def on_this_machine(logs: Path) -> Runner:
    """The runner whose workers share this machine's cores."""
    return LocalRunner(logs, cores())


THIS_MACHINE = Place(on_this_machine)


def deploy(
    request: DeployRequest,
    observer: Observer,
    stages: Stages | None = None,
    *,
    accuracy_only: bool = False,
    artefacts_only: bool = False,
    place: Place = THIS_MACHINE,
) -> Deployed:
    """Run the whole pipeline into ``request.output``.

    With ``accuracy_only`` it makes no bundle and no times; with ``artefacts_only`` it ends when the
    artefacts are made and checked. ``place`` is where the jobs run.

    Raises:
        InputError: bad input, or an output folder that is locked, unwritable or full.
        PipelineError: the network could not be prepared.
        KeyboardInterrupt: interrupted; all workers have ended and what is finished is kept.
    """
    of = stages or Stages()
    work = WorkFolder.of(request.output)
    with held(request.output) as previous:
        start = Start(request, work, place.make_runner(work.logs), observer)
        processes = place.slots(ALL_THREADS).count
        known = prepare.find(start, previous, of.prepare, of.search, processes)
        deployment = Deployment.begin(start, known, previous)
        deployment.run(train.jobs(deployment, of.train))
        count = 1 if artefacts_only else parts.parts_of(deployment, place.slots(1))
        floats = [] if artefacts_only else reference.jobs(deployment, of.reference)
        if count > 1:
            split = parts.float_jobs(deployment, of.part, count)
            deployment.run([*split, *export.jobs(deployment, of.export)])
            todo = evaluate.unscored(deployment)
            split = parts.artefact_jobs(deployment, of.part, todo, count)
            deployment.run([*floats, *split])
        else:
            deployment.run([*floats, *export.jobs(deployment, of.export)])
        if not artefacts_only:
            deployment.run(evaluate.jobs(deployment, of.evaluate))
        if not (accuracy_only or artefacts_only):
            deployment.run(bundle.jobs(deployment, of.bundle))
            deployment.run(bench.jobs(deployment, of.bench, place.timed_on))
        folder = deployment.folder
        folder.update(failures=tuple(deployment.failures))
        folder.prune(known.prepared.network_key, known.prepared.check_data)
        report = write_report(folder.path, folder.manifest, folder.lines)
        write_card(folder.path, folder.manifest, folder.lines)
        return Deployed(folder.manifest, folder.lines, report, deployment.is_complete)
