"""The sweep: every network is deployed here once, then every target measures all artefacts.

Exports are ``fbdeploy.pipeline.deploy``'s, a folder each, so that a rerun makes nothing again.
Devices work at the same time, each through its own queue; this machine is timed last and alone.
Whatever is finished is in ``results.jsonl``; what fails is told and loses nothing else.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from export.format_info import FORMAT_INFO
from fbdeploy.latency.measure import is_by, read_calibration
from fbdeploy.pipeline.deploy import (
    MEGABYTE,
    MEMORY,
    Observer,
    PipelineError,
    Stages,
    deploy,
)
from fbdeploy.pipeline.environment import cores
from fbdeploy.pipeline.lock import locked
from fbdeploy.pipeline.request import (
    DEFAULT_CALIBRATION,
    DEFAULT_DATA,
    DeployRequest,
    images_for,
)
from fbdeploy.pipeline.workers.jobs import Event, Job, Result
from fbdeploy.pipeline.workers.scheduler import Scheduler
from fbdeploy.records.manifest import Artefact
from fbdeploy.records.results import EvaluationLine, Line, append_line, read_lines
from fbdeploy.report.problems import unfaithful
from fbdeploy.sweep.page import write_page
from fbdeploy.sweep.plan import NetworkPlan, SweepPlan, TargetPlan, recipe_title, slug
from fbdeploy.sweep.rows import Exported, Failure, SweepRow, join
from runtime_bench.machine.pinning import pinned
from runtime_bench.measurement import Measurement
from runtime_bench.runners.emulated import MODE as COUNTED
from zoo.errors import InputError

NETWORKS = "networks"
"""Folder of the deployments: ``networks/NETWORK/RECIPE``."""
LOGS = "logs"
DEVICE_MEMORY = 1200 * MEGABYTE
"""Of a worker that drives a device: it loads each artefact here once, to compare outputs."""


@dataclass(frozen=True)
class SweepStages:
    """The functions workers call, as ``module:name``; tests put their own in place."""

    deploy: Stages = field(default_factory=Stages)
    measure: str = "fbdeploy.sweep.measuring:measure"


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
    plan: SweepPlan, output: Path, observer: Observer, stages: SweepStages | None = None
) -> Swept:
    """Carry out ``plan`` into the folder ``output``; what is there from before is kept.

    Raises:
        InputError: the folder cannot be written or is in use, a recipe or calibration is none, or
            no network could be deployed.
    """
    sweeping = _Sweep(plan, output, observer, stages or SweepStages())
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
    exports: list[Exported] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    jobs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Network and target of each measuring job, by its name."""

    def requests(self) -> dict[tuple[str, str], DeployRequest]:
        """The deployments by network and recipe; what can be checked before them is."""
        for target in self.plan.targets:
            if target.calibration is not None:
                read_calibration(target.calibration)
        return {
            (network.title, recipe): self._request(network, recipe)
            for network in self.plan.networks
            for recipe in self.plan.recipes
            if self.plan.precisions_of(recipe)
        }

    def run(self, requests: dict[tuple[str, str], DeployRequest]) -> Swept:
        for (network, recipe), request in requests.items():
            self._deploy(network, recipe, request)
        if not self.exports:
            raise InputError(self.failures[0].message)
        self._measure()
        lines = read_lines(self.folder)
        scores: list[Line] = [line for line in lines if isinstance(line, EvaluationLine)]
        rows = join(self.exports, [*scores, *self._measured(lines, self.plan.targets)])
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
            data=images_for(name, weights, data, DEFAULT_DATA, "--data"),
            calibration=images_for(
                name, weights, calibration, DEFAULT_CALIBRATION, "--calibration"
            ),
            formats=self.plan.formats,
            precisions=self.plan.precisions_of(recipe),
            recipe=recipe,
            output=self.folder / self._place(network.title, recipe),
            images=self.plan.images,
            skip_bad_images=self.plan.skip_bad_images,
        )

    def _place(self, network: str, recipe: str) -> Path:
        return Path(NETWORKS) / network / recipe_title(recipe)

    def _deploy(self, network: str, recipe: str, request: DeployRequest) -> None:
        self.observer.note(f"{network}, recipe {recipe_title(recipe)}")
        place = self._place(network, recipe)
        try:
            done = deploy(request, self.observer, self.stages.deploy, accuracy_only=True)
        except (InputError, PipelineError) as error:
            self._fail(Failure(network=network, what="deploy", message=str(error)))
            return
        for failed in done.manifest.failures:
            what = " ".join(part for part in (failed.format, failed.precision, failed.step) if part)
            log = (place / failed.log).as_posix() if failed.log else ""
            self._fail(Failure(network=network, what=what, message=failed.message, log=log))
        for precision, program in done.manifest.quantizations.items():
            found = unfaithful(precision, program)
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
        self.exports.append(Exported(network, title, place, request.precisions, done.manifest))

    def _measure(self) -> None:
        """One queue a device; emulated cores share this machine; its own times come last."""
        jobs: list[Job] = []
        for target in sorted(self.plan.targets, key=lambda target: target.is_this_machine):
            measured = self._measured(read_lines(self.folder), [target])
            for network in dict.fromkeys(export.network for export in self.exports):
                if target.is_emulated:
                    jobs += self._counting(target, network, measured)
                else:
                    jobs += self._timing(target, network, measured)
        logs = self.folder / LOGS
        scheduler = Scheduler(logs, self._event, self.observer.started, cores())
        outcome = scheduler.run(jobs)
        for job in jobs:
            failed = outcome.failed.get(job.name)
            if failed is not None:
                network, address = self.jobs[job.name]
                log = f"{LOGS}/{job.name}.log"
                self._fail(
                    Failure(
                        network=network,
                        target=address,
                        what="latency",
                        message=failed.message,
                        log=log,
                    )
                )

    def _timing(
        self, target: TargetPlan, network: str, measured: list[Measurement]
    ) -> Iterable[Job]:
        """All artefacts of a network together, since only what took turns may be compared."""
        entries = self._entries(network)
        wanted = {entry.sha256 for entry in entries}
        sessions: dict[int, dict[str, set[str]]] = {count: {} for count in self.plan.threads}
        for line in measured:
            sessions[line.threads].setdefault(line.session, set()).add(line.sha256)
        left = [
            count
            for count, known in sessions.items()
            if not any(wanted <= timed for timed in known.values())
        ]
        if left and wanted:
            known: dict[str, JsonValue] = {
                str(count): [list[JsonValue](sorted(timed)) for timed in sessions[count].values()]
                for count in left
            }
            yield self._job(target, network, network, entries, left, known)

    def _counting(
        self, target: TargetPlan, network: str, measured: list[Measurement]
    ) -> Iterable[Job]:
        """Each artefact alone: counts do not depend on what else runs."""
        done = {(line.sha256, line.threads) for line in measured}
        for entry in self._entries(network):
            left = [count for count in self.plan.threads if (entry.sha256, count) not in done]
            if left:
                yield self._job(target, network, f"{network}-{entry.path}", [entry], left, {})

    def _entries(self, network: str) -> list[Artefact]:
        """The network's artefacts that are timed, with paths relative to the sweep's folder."""
        found: dict[str, Artefact] = {}
        for export in self.exports:
            if export.network != network:
                continue
            for entry in export.manifest.artefacts:
                asked = entry.format in self.plan.formats and entry.precision in export.precisions
                if asked and FORMAT_INFO[entry.format].timed:
                    path = (export.folder / entry.path).as_posix()
                    found.setdefault(entry.sha256, entry.model_copy(update={"path": path}))
        return list(found.values())

    def _measured(self, lines: Iterable[Line], targets: Iterable[TargetPlan]) -> list[Measurement]:
        """The measurements that were made on the targets in the plan's way."""
        known: list[Measurement] = []
        for target in targets:
            path = target.calibration
            calibration = None if path is None else read_calibration(path)
            mask = None if target.cores is None else tuple(sorted(target.cores))
            if target.is_this_machine:
                with pinned(target.cores) as mask:
                    pass
            for line in lines:
                if not isinstance(line, Measurement) or line.target != target.address:
                    continue
                if line.threads not in self.plan.threads:
                    continue
                timed = (line.mode, line.cpu_mask) == (self.plan.mode, mask)
                counted = line.mode == COUNTED and is_by(line, calibration)
                if counted if target.is_emulated else timed:
                    known.append(line)
        return known

    def _job(
        self,
        target: TargetPlan,
        network: str,
        name: str,
        entries: list[Artefact],
        threads: list[int],
        sessions: dict[str, JsonValue],
    ) -> Job:
        here = target.is_this_machine
        job_name = slug(f"{target.address}-{name}")
        self.jobs[job_name] = (network, target.address)
        return Job(
            name=job_name,
            title=f"{network} on {target.address}",
            function=self.stages.measure,
            arguments={
                "folder": str(self.folder),
                "target": target.model_dump(mode="json"),
                "mode": self.plan.mode,
                "threads": list(threads),
                "artefacts": [entry.model_dump(mode="json") for entry in entries],
                "sessions": sessions,
            },
            memory=MEMORY["bench"] * MEGABYTE if here else DEVICE_MEMORY,
            exclusive=here,
            timed=here,
            device="" if here or target.is_emulated else target.address,
        )

    def _event(self, job: Job, event: Event) -> None:
        self.observer.event(job, event)
        if not isinstance(event, Result):
            return
        if event.kind == "timed":
            append_line(self.folder, Measurement.model_validate(event.value))
        elif event.kind == "refused":
            network, target = self.jobs[job.name]
            what, reason = str(event.value["format"]), str(event.value["reason"])
            self._fail(Failure(network=network, target=target, what=what, message=reason))
        else:
            raise ValueError(f"a worker sent an unknown kind of result: {event.kind}")

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        where = [part for part in (failure.network, failure.target, failure.what) if part]
        self.observer.note(f"{', '.join(where)}: {failure.message}")


def _moved(line: EvaluationLine, place: Path) -> EvaluationLine:
    """A deployment's line as one of the folder that ``place`` lies in."""
    if line.predictions is None:
        return line
    return line.model_copy(update={"predictions": (place / line.predictions).as_posix()})
