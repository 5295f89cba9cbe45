"""A deployment under way: what is asked, what is known of the network, what is made so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fbdeploy.pipeline.environment import environment
from fbdeploy.pipeline.folder import OutputFolder, keep_current
from fbdeploy.pipeline.keys import artefact_key
from fbdeploy.pipeline.known import Known, Prepared
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.running import Start, StepJob
from fbdeploy.pipeline.space import artefact_bytes, blame_full_disk, check_space
from fbdeploy.records.builds import Build, ProgramName, program_of
from fbdeploy.records.manifest import (
    Artefact,
    Failure,
    Format,
    Manifest,
    Quantization,
    now,
)
from fbdeploy.version import __version__

EVERY_BUILD: tuple[Build | Literal[""], ...] = ("",)


@dataclass(frozen=True)
class Deployment:
    """What every step behind ``prepare`` works with; ``failures`` grows."""

    start: Start
    prepared: Prepared
    folder: OutputFolder
    failures: list[Failure] = field(default_factory=list)

    @classmethod
    def begin(cls, start: Start, known: Known, previous: Manifest | None) -> Deployment:
        """Go on from what the previous run made of the same inputs; the rest is removed.

        Raises:
            InputError: there is too little room for the artefacts.
        """
        request, prepared = start.request, known.prepared
        # A program that was asked for and is not there yet is made from other inputs than before.
        old = previous.quantizations if previous else {}
        asked = {program_of(build) for build in request.builds}
        programs = {p: q for p, q in old.items() if p not in asked} | known.programs

        def is_current(entry: Artefact) -> bool:
            return entry.key == _key(request, prepared, entry.format, entry.build, programs)

        kept = keep_current(request.output, previous.artefacts if previous else (), is_current)
        in_use = {*(entry.program for entry in kept), *known.programs}
        manifest = Manifest(
            fbdeploy_version=__version__,
            created=previous.created if previous else now(),
            updated=now(),
            network=prepared.network,
            weights=prepared.weights,
            input_spec=prepared.input_spec,
            labels=prepared.labels,
            evaluation_data=prepared.evaluation_data,
            quantizations={p: q for p, q in programs.items() if p in in_use},
            artefacts=kept,
            environment=environment(),
        )
        folder = OutputFolder(request.output, manifest)
        # Behind the manifest, which knows the finished programs: the next run goes on with them.
        if not kept:
            check_space(request.output, artefact_bytes(request, prepared.network.parameters or 0))
        return cls(start, prepared, folder)

    @property
    def request(self) -> DeployRequest:
        """What the user asked for."""
        return self.start.request

    @property
    def output(self) -> Path:
        """The output folder."""
        return self.request.output

    @property
    def programs(self) -> dict[ProgramName, Quantization]:
        """The int8 programs there are."""
        return self.folder.manifest.quantizations

    @property
    def possible(self) -> list[Build]:
        """The builds asked for, but for those whose program could not be made."""
        made = {"", *self.programs}
        return [build for build in self.request.builds if program_of(build) in made]

    @property
    def wanted(self) -> list[Artefact]:
        """The artefacts this run was asked for and has."""
        keys = {self.key(f, p) for f in self.request.formats for p in self.possible}
        return [entry for entry in self.folder.manifest.artefacts if entry.key in keys]

    @property
    def shippable(self) -> list[Artefact]:
        """Of those, what equals its reference: nothing else is worth timing or packing."""
        return [entry for entry in self.wanted if not entry.rejected]

    @property
    def is_complete(self) -> bool:
        """Whether all was made, equals its reference, and is near float or accepted as it is."""
        manifest = self.folder.manifest
        parity = all(entry.parity.passed for entry in manifest.artefacts if entry.parity)
        faithful = all(
            entry.fidelity.passed
            for entry in manifest.quantizations.values()
            if entry.fidelity is not None
        )
        return parity and (faithful or self.request.accept_low_fidelity) and not self.failures

    def key(self, fmt: Format, build: Build) -> str:
        """The key of the artefact of a format and build that this run makes."""
        return _key(self.request, self.prepared, fmt, build, self.programs)

    def run(self, jobs: Sequence[StepJob]) -> None:
        """Run jobs of steps, keep what they make, and tell what they did not.

        Raises:
            InputError, PipelineError: as ``Start.run``.
        """
        outcome = self.start.run(jobs)
        if self.failures:
            blame_full_disk(self.output)
        for one in jobs:
            failed = outcome.failed.get(one.job.name)
            if failed is None:
                continue
            told = {(f.format, f.build) for f in self.failures if f.step == one.step}
            for build in tuple(one.lost()) or EVERY_BUILD:
                if one.step is not None and (one.format, build) not in told:
                    about = one.format or one.job.name
                    failure = Failure.of(about, build, one.step, failed.message)
                    self.fail(one.job.name, failure)

    def fail(self, job: str, failure: Failure) -> None:
        """Tell of a failure in the job of that name, and keep it for the manifest."""
        log = failure.log or self.start.work.log_of(job)
        self.failures.append(failure.model_copy(update={"log": log}))
        where = f"{failure.format} {failure.build}".strip()
        self.start.observer.note(f"{where}: {failure.step} failed: {failure.message}")


def _key(
    request: DeployRequest,
    prepared: Prepared,
    fmt: Format,
    build: Build,
    programs: dict[ProgramName, Quantization],
) -> str:
    program = program_of(build)
    made = programs.get(program) if program else None
    key = made.key if made else ""
    return artefact_key(
        fmt,
        build,
        prepared.network_key,
        key,
        request.skip_passes,
        request.layout,
        request.input_type,
        request.output_forms,
    )
