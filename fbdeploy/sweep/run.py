"""The sweep: every network is deployed here once, then every target measures all artefacts.

Exports are ``fbdeploy.pipeline.deploy``'s, a folder each, so that a rerun makes nothing again.
Devices work at the same time, each through its own queue; this machine is timed last and alone.
Whatever is finished is in ``results.jsonl``; what fails is told and loses nothing else.
"""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from fbdeploy.latency.measure import read_latency_model
from fbdeploy.pipeline.deploy import THIS_MACHINE, Deployed, deploy
from fbdeploy.pipeline.image_sources import images_for
from fbdeploy.pipeline.lock import locked
from fbdeploy.pipeline.request import (
    DeployRequest,
)
from fbdeploy.pipeline.running import Observer, PipelineError
from fbdeploy.pipeline.stages import Stages
from fbdeploy.pipeline.workers.jobs import Event, Job, Result, Work
from fbdeploy.pipeline.workers.runner import Place
from fbdeploy.records.results import EvaluationLine, Line, append_line, read_lines
from fbdeploy.report.problems import unfaithful
from fbdeploy.sweep.among import Among
from fbdeploy.sweep.jobs import Measuring, MeasuringJob, measured_as_planned
from fbdeploy.sweep.measuring import MeasureArguments, Refused, measure
from fbdeploy.sweep.page import write_page
from fbdeploy.sweep.plan import NetworkPlan, SweepPlan, recipe_title
from fbdeploy.sweep.rows import Exported, Failure, SweepRow, join
from runtime_bench.measurement import Measurement
from zoo.errors import InputError

NETWORKS = "networks"
"""Folder of the deployments: ``networks/NETWORK/RECIPE``."""
LOGS = "logs"


@dataclass(frozen=True)
class SweepStages:
    """What workers do; tests put their own in place."""

    deploy: Stages = field(default_factory=Stages)
    measure: Work[MeasureArguments] = measure


@dataclass(frozen=True)
class Swept:
    """What a sweep leaves, and what is missing from it."""

    rows: list[SweepRow]
    failures: list[Failure]
    report: Path

    @property
    def complete(self) -> bool:
        """Whether everything was made and measured."""
        return not self.failures


def sweep(
    plan: SweepPlan,
    output: Path,
    observer: Observer,
    stages: SweepStages | None = None,
    *,
    place: Place = THIS_MACHINE,
) -> Swept:
    """Carry out ``plan`` into the folder ``output``; what is there from before is kept.

    ``place`` is where the jobs run.

    Raises:
        InputError: the folder cannot be written or is in use, a recipe or latency model is none, or
            no network could be deployed.
    """
    sweeping = _Sweep(plan, output, observer, stages or SweepStages(), place)
    requests = sweeping.requests()  # bad input leaves no folder behind
    existed = output.exists()
    with locked(output):
        try:
            return sweeping.run(requests)
        except InputError:
            if not (existed or sweeping.exports):
                shutil.rmtree(output, ignore_errors=True)
            raise


@dataclass
class _Sweep:
    plan: SweepPlan
    folder: Path
    observer: Observer
    stages: SweepStages
    place: Place
    exports: list[Exported] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def requests(self) -> dict[tuple[str, str], DeployRequest]:
        """The deployments by network and recipe; what can be checked before them is."""
        for target in self.plan.targets:
            if target.latency_model is not None:
                read_latency_model(target.latency_model)
        return {
            (network.title, recipe): self._request(network, recipe)
            for network in self.plan.networks
            for recipe in self.plan.recipes
            if self.plan.builds_of(recipe)
        }

    def run(self, requests: dict[tuple[str, str], DeployRequest]) -> Swept:
        self._deploy_all(requests)
        if not self.exports:
            raise InputError(self.failures[0].message)
        self._measure()
        lines = read_lines(self.folder)
        scores: list[Line] = [line for line in lines if isinstance(line, EvaluationLine)]
        times = measured_as_planned(self.plan, lines, self.plan.targets)
        rows = join(self.exports, [*scores, *times])
        report = write_page(self.folder, self.plan, rows, self.failures)
        return Swept(rows, self.failures, report)

    def _request(self, network: NetworkPlan, recipe: str) -> DeployRequest:
        data = network.data or self.plan.data
        calibration = network.calibration or self.plan.calibration
        name, weights = network.name, network.weights
        return DeployRequest(
            network=name,
            weights=weights,
            num_classes=network.num_classes,
            input=network.input,
            data=images_for(name, weights, data, "data"),
            calibration=images_for(name, weights, calibration, "calibration"),
            formats=self.plan.formats,
            builds=self.plan.builds_of(recipe),
            recipe=recipe,
            output=self.folder / self._folder_of(network.title, recipe),
            images=self.plan.images,
            skip_bad_images=self.plan.skip_bad_images,
        )

    def _folder_of(self, network: str, recipe: str) -> Path:
        return Path(NETWORKS) / network / recipe_title(recipe)

    def _deploy_all(self, requests: dict[tuple[str, str], DeployRequest]) -> None:
        """As many at once as the place takes; what they made is taken in the plan's order."""
        if self.place.at_once == 1:
            for (network, recipe), request in requests.items():
                self.observer.note(f"{network}, recipe {recipe_title(recipe)}")
                self._take(network, recipe, request, self._deployed(request, self.observer))
            return
        lock = threading.Lock()
        with ThreadPoolExecutor(self.place.at_once) as pool:
            try:
                under_way = {
                    key: pool.submit(
                        self._deployed,
                        request,
                        Among(self.observer, lock, f"{key[0]}, {recipe_title(key[1])}"),
                    )
                    for key, request in requests.items()
                }
                for (network, recipe), future in under_way.items():
                    made = future.result()
                    with lock:
                        self._take(network, recipe, requests[network, recipe], made)
            except BaseException:
                self.place.interrupt()
                pool.shutdown(cancel_futures=True)
                raise

    def _deployed(self, request: DeployRequest, observer: Observer) -> Deployed | str:
        """What a deployment leaves, or why there is nothing."""
        try:
            return deploy(
                request,
                observer,
                self.stages.deploy,
                accuracy_only=True,
                place=self.place,
            )
        except (InputError, PipelineError) as error:
            return str(error)

    def _take(
        self, network: str, recipe: str, request: DeployRequest, done: Deployed | str
    ) -> None:
        """Join what a deployment made with the rest."""
        place = self._folder_of(network, recipe)
        if isinstance(done, str):
            self._fail(Failure(network=network, what="deploy", message=done))
            return
        for failed in done.manifest.failures:
            what = " ".join(part for part in (failed.format, failed.build, failed.step) if part)
            log = (place / failed.log).as_posix() if failed.log else ""
            self._fail(Failure(network=network, what=what, message=failed.message, log=log))
        for name, program in done.manifest.quantizations.items():
            found = unfaithful(name, program, done.manifest.network.task)
            if found is not None:
                self.observer.note(f"{network}, {recipe_title(recipe)}: {found}")
        for entry in done.manifest.artefacts:
            if entry.parity is not None and not entry.parity.passed:
                message = f"differs from the {entry.parity.reference}: not {entry.parity.criterion}"
                self._fail(Failure(network=network, what=f"{entry.name} parity", message=message))
        lines = read_lines(self.folder)
        known = {(one.sha256, one.dataset) for one in lines if isinstance(one, EvaluationLine)}
        for line in done.lines:
            if isinstance(line, EvaluationLine) and (line.sha256, line.dataset) not in known:
                append_line(self.folder, _moved(line, place))
        title = recipe_title(recipe)
        self.exports.append(Exported(network, title, place, request.builds, done.manifest))

    def _measure(self) -> None:
        """One queue a device; emulated cores share this machine; its own times come last."""
        measuring = Measuring(self.plan, self.folder, self.exports, self.stages.measure)
        asked = measuring.jobs(read_lines(self.folder))
        runner = self.place.make_runner(self.folder / LOGS)
        outcome = runner.run([one.job for one in asked], _Keeper(self, asked))
        for one in asked:
            failed = outcome.failed.get(one.job.name)
            if failed is not None:
                self._fail(
                    Failure(
                        network=one.network,
                        target=one.target,
                        what="latency",
                        message=failed.message,
                        log=f"{LOGS}/{one.job.name}.log",
                    )
                )

    def keep(self, one: MeasuringJob, result: Result) -> None:
        """Put something finished where it belongs."""
        if (measurement := result.read(Measurement)) is not None:
            append_line(self.folder, measurement)
        elif (refused := result.read(Refused)) is not None:
            self._fail(
                Failure(
                    network=one.network,
                    target=one.target,
                    what=refused.format,
                    message=refused.reason,
                )
            )
        else:
            raise ValueError(f"a worker sent an unknown kind of result: {result.kind}")

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        where = [part for part in (failure.network, failure.target, failure.what) if part]
        self.observer.note(f"{', '.join(where)}: {failure.message}")


class _Keeper:
    """Hands results to the sweep, and everything to its observer first."""

    def __init__(self, sweeping: _Sweep, asked: list[MeasuringJob]) -> None:
        self._sweeping = sweeping
        self._asked = {one.job.name: one for one in asked}

    def started(self, job: Job) -> None:
        self._sweeping.observer.started(job)

    def event(self, job: Job, event: Event) -> None:
        self._sweeping.observer.event(job, event)
        if isinstance(event, Result):
            self._sweeping.keep(self._asked[job.name], event)


def _moved(line: EvaluationLine, place: Path) -> EvaluationLine:
    """A deployment's line as one of the folder that ``place`` lies in."""
    if line.predictions is None:
        return line
    return line.model_copy(update={"predictions": (place / line.predictions).as_posix()})
