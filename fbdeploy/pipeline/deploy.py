"""The deploy pipeline: prepare, train, export, evaluate, time, report; what is finished is kept.

Every step runs in worker processes (``stages.py`` holds what they do). The manifest is written
after each finished artefact, a line of results.jsonl after each measurement, so a run that ends
early, for whatever reason, leaves everything finished in place, and the next one goes on there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

from pydantic import JsonValue

from export.format_info import FORMAT_INFO
from fbdeploy.pipeline.environment import cores, environment
from fbdeploy.pipeline.formats import can_hold
from fbdeploy.pipeline.keys import code_sha256, key_of, versions
from fbdeploy.pipeline.lock import FILE_NAME as LOCK
from fbdeploy.pipeline.lock import locked, remove_partial
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.workers.jobs import Event, Failed, Job, Result
from fbdeploy.pipeline.workers.scheduler import Outcome, Scheduler
from fbdeploy.records.bundle_schema import APP_FORMATS, CONFIG_NAME, FOLDER_NAME
from fbdeploy.records.manifest import (
    FILE_NAME,
    Artefact,
    DatasetInfo,
    Entry,
    Failure,
    Format,
    InputSpecInfo,
    Manifest,
    NetworkInfo,
    Precision,
    Quantization,
    Weights,
    now,
    read_manifest,
    write_manifest,
)
from fbdeploy.records.predictions import read_predictions, remove_unused
from fbdeploy.records.results import EvaluationLine, Line, append_line, read_lines
from fbdeploy.report.page import write_report
from fbdeploy.version import __version__
from runtime_bench.measurement import Measurement
from zoo.errors import InputError
from zoo.files import exists, inside, sha256_of

WORK = ".fbdeploy"
"""Folder in the output folder for what is kept between runs but is not for the user."""

MEGABYTE = 1_000_000
BYTES_EACH = {"fp32": 4, "fp16": 2}
"""Of a weight in artefacts of a precision; the others have one."""
MEMORY = {
    "prepare": 2500,
    "train": 4000,
    "reference": 1200,
    "evaluate": 1200,
    "bundle": 1800,
    "bench": 3000,
}
"""Expected peaks of resident memory, megabytes, by step; a format's export has its own."""


Step = Literal["train", "export", "evaluate", "bundle", "bench"]


class PipelineError(RuntimeError):
    """Nothing could be deployed, and not because of the input; one line that names the log."""


@dataclass(frozen=True)
class Stages:
    """The functions workers call, as ``module:name``; tests put their own in place."""

    prepare: str = "fbdeploy.pipeline.stages:prepare"
    train: str = "fbdeploy.pipeline.stages:train"
    reference: str = "fbdeploy.pipeline.stages:reference"
    export: str = "fbdeploy.pipeline.stages:export"
    evaluate: str = "fbdeploy.pipeline.stages:evaluate"
    bundle: str = "fbdeploy.pipeline.stages:bundle"
    bench: str = "fbdeploy.pipeline.stages:bench"


class Prepared(Entry):
    """What ``prepare`` found out about the network; ``network_key`` is its identity."""

    network_key: str
    network: NetworkInfo
    weights: Weights
    input_spec: InputSpecInfo
    labels: tuple[str, ...]
    evaluation_data: DatasetInfo


class Quantized(Entry):
    """A program that ``prepare`` made or found, for one precision."""

    precision: Precision
    quantization: Quantization


class Exported(Entry):
    """All artefacts, variants included, of one format and precision."""

    artefacts: tuple[Artefact, ...]


class Observer(Protocol):
    """Who shows what happens."""

    def started(self, job: Job) -> None:
        """A worker begins with ``job``."""

    def event(self, job: Job, event: Event) -> None:
        """A worker says something."""

    def note(self, text: str) -> None:
        """One line for the user."""


@dataclass(frozen=True)
class Deployed:
    """What a run leaves: everything in the output folder, and whether all of it went well."""

    manifest: Manifest
    lines: list[Line]
    report: Path
    complete: bool


def artefact_key(
    form: Format,
    precision: Precision,
    network_key: str,
    program_key: str,
    skipped: tuple[str, ...] = (),
) -> str:
    """The key of an artefact; ``program_key`` is empty for those made from the float network."""
    return key_of(
        format=form,
        precision=precision,
        network=network_key,
        program=program_key,
        skipped=",".join(sorted(skipped)),
        versions=dict(versions(FORMAT_INFO[form].packages)),
        code=code_sha256("export", "quantize", "tasks", "zoo"),
    )


def deploy(
    request: DeployRequest,
    observer: Observer,
    stages: Stages | None = None,
    *,
    accuracy_only: bool = False,
    artefacts_only: bool = False,
) -> Deployed:
    """Run the whole pipeline into ``request.output``.

    With ``accuracy_only`` it makes no bundle and no times; with ``artefacts_only`` it ends when the
    artefacts are made and checked.

    Raises:
        InputError: bad input, or an output folder that is locked, unwritable or full.
        PipelineError: the network could not be prepared.
        KeyboardInterrupt: interrupted; all workers have ended and what is finished is kept.
    """
    existed = exists(request.output)
    with locked(request.output):
        try:
            deployment = _Deployment(
                request, observer, stages or Stages(), accuracy_only, artefacts_only
            )
            return deployment.run()
        except InputError:
            if not (request.output / FILE_NAME).exists():
                _remove_beginnings(request.output, existed)
            raise


def _remove_beginnings(folder: Path, existed: bool) -> None:
    """Leave a folder in which nothing was finished as it was found."""
    shutil.rmtree(folder / WORK, ignore_errors=True)
    (folder / LOCK).unlink(missing_ok=True)
    if not existed:
        with suppress(OSError):  # someone else has put something there meanwhile
            folder.rmdir()


@dataclass
class _Deployment:
    request: DeployRequest
    observer: Observer
    stages: Stages
    accuracy_only: bool
    artefacts_only: bool
    manifest: Manifest | None = None
    prepared: Prepared | None = None
    programs: dict[Precision, Quantization] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    resumes: bool = False

    @property
    def folder(self) -> Path:
        return self.request.output

    @property
    def work(self) -> Path:
        return self.folder / WORK

    def run(self) -> Deployed:
        previous = read_manifest(self.folder) if (self.folder / FILE_NAME).exists() else None
        self.resumes = previous is not None
        self._prepare(previous)
        self._begin_manifest(previous)
        self._train()
        self._export()
        if not self.artefacts_only:
            self._evaluate()
            self._check_float()
        if not (self.accuracy_only or self.artefacts_only):
            self._bundle()
            self._bench()
        assert self.manifest is not None
        lines = read_lines(self.folder)
        self._update(failures=tuple(self.failures))
        report = write_report(self.folder, self.manifest, lines)
        return Deployed(self.manifest, lines, report, self._is_complete())

    def _is_complete(self) -> bool:
        """Whether all was made, equals its reference, and is near float or accepted as it is."""
        assert self.manifest is not None
        parity = all(entry.parity.passed for entry in self.manifest.artefacts if entry.parity)
        faithful = all(
            entry.fidelity.passed
            for entry in self.manifest.quantizations.values()
            if entry.fidelity is not None
        )
        accepted = faithful or self.request.accept_low_fidelity
        return parity and accepted and not self.failures

    def _prepare(self, previous: Manifest | None) -> None:
        known: dict[str, JsonValue] = {
            precision: quantization.model_dump(mode="json")
            for precision, quantization in (previous.quantizations if previous else {}).items()
        }
        job = Job(
            name="prepare",
            title="network and int8 program",
            function=self.stages.prepare,
            arguments=self._arguments(known_programs=known),
            memory=MEMORY["prepare"] * MEGABYTE,
            exclusive=True,
            vital=True,
        )
        self._end_if_vital(self._run([job]), "prepare")
        if self.prepared is None:
            raise PipelineError(f"prepare ended without a network ({self._log('prepare')})")

    def _begin_manifest(self, previous: Manifest | None) -> None:
        """Start from what the previous run made of the same inputs; remove the rest."""
        assert self.prepared is not None
        # A program that was asked for and is not there yet is made from other inputs than before.
        old = previous.quantizations if previous else {}
        quantizations = {p: q for p, q in old.items() if p not in self.request.precisions}
        quantizations |= self.programs
        kept: list[Artefact] = []
        stale: list[Artefact] = []
        for entry in previous.artefacts if previous else ():
            quantization = quantizations.get(entry.precision)
            program_key = quantization.key if quantization else ""
            key = artefact_key(
                entry.format,
                entry.precision,
                self.prepared.network_key,
                program_key,
                self.request.skip_passes,
            )
            (kept if entry.key == key and self._intact(entry) else stale).append(entry)
        for entry in stale:
            self._remove(entry)
        in_use = {entry.precision for entry in kept} | set(self.programs)
        self.manifest = Manifest(
            fbdeploy_version=__version__,
            created=previous.created if previous else now(),
            updated=now(),
            network=self.prepared.network,
            weights=self.prepared.weights,
            input_spec=self.prepared.input_spec,
            labels=self.prepared.labels,
            evaluation_data=self.prepared.evaluation_data,
            quantizations={p: q for p, q in quantizations.items() if p in in_use},
            artefacts=tuple(kept),
            environment=environment(),
        )
        write_manifest(self.folder, self.manifest)
        # Behind the manifest, which knows the finished programs: the next run goes on with them.
        if not kept:
            self._check_space(self._artefact_bytes())

    def _train(self) -> None:
        """Train the int8 program further, unless that was not asked for or is done."""
        assert self.prepared is not None
        if "int8-qat" not in self.request.precisions or "int8-qat" in self.programs:
            return
        job = Job(
            name="train",
            title="quantization-aware training",
            function=self.stages.train,
            arguments=self._arguments(
                network_key=self.prepared.network_key,
                data=self.prepared.evaluation_data.model_dump(mode="json"),
                start=self.programs["int8"].key,
            ),
            memory=MEMORY["train"] * MEGABYTE,
            exclusive=True,
        )
        failed = self._run([job]).failed.get("train")
        if failed is None:
            return
        self._check_disk([failed])
        if failed.cause == "input":
            raise InputError(failed.message)
        self._fail(
            Failure(
                format="",
                precision="int8-qat",
                step="train",
                message=failed.message,
                log=self._log_of("train"),
            )
        )

    def _export(self) -> None:
        assert self.manifest is not None and self.prepared is not None
        jobs = []
        # Two at a time end together if the shortest come last.
        for form in sorted(self.request.formats, key=_export_seconds, reverse=True):
            missing: dict[str, JsonValue] = {
                precision: key
                for precision in self._possible()
                if can_hold(form, precision) and not self._has(key := self._key(form, precision))
            }
            if missing:
                jobs.append(
                    Job(
                        name=f"export-{form}",
                        title=f"{form} export",
                        function=self.stages.export,
                        arguments=self._arguments(
                            network_key=self.prepared.network_key,
                            input_spec=self.prepared.input_spec.model_dump(mode="json"),
                            data=self.prepared.evaluation_data.model_dump(mode="json"),
                            form=form,
                            keys=missing,
                        ),
                        memory=FORMAT_INFO[form].export_memory,
                    )
                )
        if not self.artefacts_only:
            jobs.insert(
                0,
                Job(
                    name="reference",
                    title="float network on the evaluation images",
                    function=self.stages.reference,
                    arguments=self._arguments(network_key=self.prepared.network_key),
                    memory=MEMORY["reference"] * MEGABYTE,
                    vital=True,
                ),
            )
        reused = len(self.manifest.artefacts)
        if reused:
            self.observer.note(f"{reused} finished artefacts are kept as they are")
        self._settle(self._run(jobs), "export")

    def _evaluate(self) -> None:
        assert self.manifest is not None and self.prepared is not None
        data = self.prepared.evaluation_data
        done = {
            line.sha256
            for line in read_lines(self.folder)
            if isinstance(line, EvaluationLine)
            and line.dataset == data
            and line.predictions is not None
            and exists(inside(self.folder, line.predictions))
        }
        jobs = []
        for form in self.request.formats:
            todo: list[JsonValue] = [
                entry.model_dump(mode="json")
                for entry in self._wanted()
                if entry.format == form and entry.sha256 not in done
            ]
            if todo:
                jobs.append(
                    Job(
                        name=f"evaluate-{form}",
                        title=f"{form} accuracy",
                        function=self.stages.evaluate,
                        arguments=self._arguments(
                            network_key=self.prepared.network_key,
                            artefacts=todo,
                            data=data.model_dump(mode="json"),
                        ),
                        memory=MEMORY["evaluate"] * MEGABYTE,
                    )
                )
        self._settle(self._run(jobs), "evaluate")
        self._remove_old_predictions()

    def _check_float(self) -> None:
        """Judge the float network by its answers, which are kept beside those of any artefact."""
        from fbdeploy.pipeline.steps.float_check import float_check

        assert self.prepared is not None
        for line in reversed(read_lines(self.folder)):
            if (
                isinstance(line, EvaluationLine)
                and line.dataset == self.prepared.evaluation_data
                and line.predictions is not None
                and line.sha256 in {entry.sha256 for entry in self._wanted()}
            ):
                found = float_check(read_predictions(inside(self.folder, line.predictions)))
                self._update(float_check=found)
                return

    def _remove_old_predictions(self) -> None:
        """Keep those of artefacts that are here, on images that have not changed since."""
        assert self.manifest is not None
        made = {entry.sha256 for entry in self.manifest.artefacts}
        newest = {
            (line.sha256, line.dataset.name, line.dataset.images): line.predictions
            for line in read_lines(self.folder)
            if isinstance(line, EvaluationLine) and line.sha256 in made
        }
        remove_unused(self.folder, newest.values())

    def _bundle(self) -> None:
        """Pack the demo apps' bundle, unless it is there from a run that exported the same."""
        wanted = [entry for entry in self._shippable() if entry.format in APP_FORMATS]
        if not wanted or (self.folder / FOLDER_NAME).exists():
            return
        job = Job(
            name="bundle",
            title="demo bundle",
            function=self.stages.bundle,
            arguments=self._arguments(),
            memory=MEMORY["bundle"] * MEGABYTE,
        )
        self._settle(self._run([job]), "bundle")

    def _drop_bundle(self) -> None:
        """A bundle of other artefacts than the folder's is worse than none."""
        if (self.folder / FOLDER_NAME / CONFIG_NAME).is_file():
            shutil.rmtree(self.folder / FOLDER_NAME, ignore_errors=True)

    def _bench(self) -> None:
        """Time all artefacts in one session, since only interleaved ones may be compared."""
        wanted = {entry.sha256 for entry in self._shippable() if FORMAT_INFO[entry.format].timed}
        sessions: dict[str, set[str]] = {}
        for line in read_lines(self.folder):
            if isinstance(line, Measurement) and (line.target, line.threads) == (
                "local",
                self.request.threads,
            ):
                sessions.setdefault(line.session, set()).add(line.sha256)
        if not wanted or any(wanted <= timed for timed in sessions.values()):
            return
        job = Job(
            name="bench",
            title="latency",
            function=self.stages.bench,
            arguments=self._arguments(
                artefacts=[
                    entry.model_dump(mode="json")
                    for entry in self._wanted()
                    if entry.sha256 in wanted
                ]
            ),
            memory=MEMORY["bench"] * MEGABYTE,
            exclusive=True,
            timed=True,
        )
        self._settle(self._run([job]), "bench")

    def _run(self, jobs: list[Job]) -> Outcome:
        scheduler = Scheduler(self.work / "logs", self._event, self.observer.started, cores())
        try:
            return scheduler.run(jobs)
        finally:
            remove_partial(self.folder)

    def _event(self, job: Job, event: Event) -> None:
        self.observer.event(job, event)
        if isinstance(event, Result):
            self._keep(event.kind, event.value, self._log_of(job.name))

    def _keep(self, kind: str, value: dict[str, Any], log: str) -> None:
        """Put something finished where it belongs; the folder holds it when this returns."""
        if kind == "prepared":
            self.prepared = Prepared.model_validate(value)
            if not self.resumes:
                self._check_space(self._program_bytes() + self._artefact_bytes())
        elif kind == "quantized":
            quantized = Quantized.model_validate(value)
            self.programs[quantized.precision] = quantized.quantization
            if self.manifest is not None:
                self._update(quantizations={**self.manifest.quantizations, **self.programs})
        elif kind == "exported":
            assert self.manifest is not None
            made = [
                entry.model_copy(update={"log": log}) if entry.rejected else entry
                for entry in Exported.model_validate(value).artefacts
            ]
            replaced = {entry.path for entry in made}
            others = tuple(e for e in self.manifest.artefacts if e.path not in replaced)
            self._drop_bundle()
            self._update(artefacts=tuple(sorted((*others, *made), key=_order)))
        elif kind == "evaluated":
            append_line(self.folder, EvaluationLine.model_validate(value))
        elif kind == "timed":
            append_line(self.folder, Measurement.model_validate(value))
        elif kind == "failure":
            failure = Failure.model_validate(value)
            self._fail(failure.model_copy(update={"log": failure.log or log}))
        else:
            raise ValueError(f"a worker sent an unknown kind of result: {kind}")

    def _fail(self, failure: Failure) -> None:
        self.failures.append(failure)
        where = f"{failure.format} {failure.precision}".strip()
        self.observer.note(f"{where}: {failure.step} failed: {failure.message}")

    def _settle(self, outcome: Outcome, step: Step) -> None:
        """Turn failed jobs into failures of their artefacts; a full folder ends the run."""
        self._check_disk(outcome.failed.values())
        self._end_if_vital(outcome, "reference")
        for name, failed in outcome.failed.items():
            form = name.partition("-")[2]
            told = {(f.format, f.precision) for f in self.failures if f.step == step}
            lost: list[str] = [
                entry
                for entry in self._possible()
                for known in FORMAT_INFO
                if step == "export" and known == form and not self._has(self._key(known, entry))
            ]
            for precision in lost or [""]:
                if (form, precision) not in told:
                    self._fail(
                        Failure(
                            format=form or name,
                            precision=precision,
                            step=step,
                            message=failed.message,
                            log=self._log_of(name),
                        )
                    )

    def _end_if_vital(self, outcome: Outcome, name: str) -> None:
        failed = outcome.failed.get(name)
        if failed is not None and failed.cause == "crash":
            raise PipelineError(f"{failed.message} ({self._log(name)})")
        if failed is not None:
            raise InputError(failed.message)

    def _check_disk(self, failed: Iterable[Failed]) -> None:
        failures = list(failed)
        for failure in failures:
            if failure.cause == "disk":
                raise InputError(failure.message)
        # Not every writer says that the disk was full when it was.
        if (failures or self.failures) and shutil.disk_usage(self.folder).free < MEGABYTE:
            raise InputError(
                f"{self.folder}: cannot be written (no space left); "
                "choose another --output or free it"
            )

    def _artefact_bytes(self) -> int:
        """About what all artefacts take."""
        assert self.prepared is not None
        parameters = self.prepared.network.parameters or 0
        each = sum(BYTES_EACH.get(name, 1) for name in self.request.precisions)
        return parameters * each * len(self.request.formats)

    def _program_bytes(self) -> int:
        """About what the captured graph and the programs take, which hold float weights too."""
        assert self.prepared is not None
        programs = sum(name not in BYTES_EACH for name in self.request.precisions)
        return (self.prepared.network.parameters or 0) * (4 + 5 * programs)

    def _check_space(self, needed: int) -> None:
        """Say at the start what would otherwise be found out in the middle."""
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise InputError(
                f"{self.folder}: cannot be written (no space left: {free // MEGABYTE} MB free, "
                f"about {needed // MEGABYTE + 1} MB needed); choose another --output or free it"
            )

    def _arguments(self, **more: JsonValue) -> dict[str, JsonValue]:
        return {
            "request": self.request.model_dump(mode="json"),
            "work": str(self.work),
            **more,
        }

    def _key(self, form: Format, precision: Precision) -> str:
        assert self.prepared is not None
        program = self.programs.get(precision)
        return artefact_key(
            form,
            precision,
            self.prepared.network_key,
            program.key if program else "",
            self.request.skip_passes,
        )

    def _possible(self) -> list[Precision]:
        """The precisions asked for, but for those whose program could not be made."""
        made: set[Precision] = {"fp32", "fp16", *self.programs}
        return [precision for precision in self.request.precisions if precision in made]

    def _has(self, key: str) -> bool:
        return self.manifest is not None and self.manifest.artefact(key) is not None

    def _wanted(self) -> list[Artefact]:
        """The artefacts this run was asked for and has."""
        assert self.manifest is not None
        keys = {self._key(f, p) for f in self.request.formats for p in self._possible()}
        return [entry for entry in self.manifest.artefacts if entry.key in keys]

    def _shippable(self) -> list[Artefact]:
        """Of those, what equals its reference: nothing else is worth timing or packing."""
        return [entry for entry in self._wanted() if not entry.rejected]

    def _intact(self, entry: Artefact) -> bool:
        path = inside(self.folder, entry.path)
        return path.exists() and sha256_of(path) == entry.sha256

    def _remove(self, entry: Artefact) -> None:
        """Remove an artefact of other inputs; a file that was changed since is left alone."""
        self._drop_bundle()
        path = inside(self.folder, entry.path)
        if self._intact(entry):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _update(self, **changes: object) -> None:
        assert self.manifest is not None
        self.manifest = self.manifest.model_copy(update={**changes, "updated": now()})
        write_manifest(self.folder, self.manifest)

    def _log(self, name: str) -> Path:
        return self.work / "logs" / f"{name}.log"

    def _log_of(self, name: str) -> str:
        """The job's log as the manifest names it."""
        return self._log(name).relative_to(self.folder).as_posix()


def _order(entry: Artefact) -> tuple[int, int, str]:
    """Formats and precisions in the order in which they are declared."""
    return (
        list(FORMAT_INFO).index(entry.format),
        get_args(Precision).index(entry.precision),
        entry.variant,
    )


def _export_seconds(form: Format) -> float:
    return FORMAT_INFO[form].export_seconds
