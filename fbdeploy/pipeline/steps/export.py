"""Export: one format's artefacts in every build, each checked in its own runtime."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from export.description import Description
from export.format_info import FORMAT_INFO, PIXELS, variant_in_form
from fbdeploy.pipeline.deployment import Deployment
from fbdeploy.pipeline.formats import can_hold
from fbdeploy.pipeline.running import StepArguments, StepJob
from fbdeploy.pipeline.steps.checks import Checks
from fbdeploy.pipeline.steps.export_source import Sources
from fbdeploy.pipeline.steps.opening import worker_threads
from fbdeploy.pipeline.workers.errors import is_disk_error, line_of
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.records.builds import Build, program_of
from fbdeploy.records.fields import StoredInputSpec
from fbdeploy.records.manifest import (
    Artefact,
    DatasetInfo,
    Failure,
    Format,
    Parity,
)
from fbdeploy.version import __version__
from zoo.documents import Schema
from zoo.files import sha256_of, size_of

if TYPE_CHECKING:
    from export.base import ExportSource
    from tasks.base import Outputs


class ExportArguments(StepArguments):
    """``keys`` are those of the artefacts to make, by build; ``data`` gave the check images.

    ``description`` is what the files say of the float network.
    """

    network_key: str
    input_spec: StoredInputSpec
    data: DatasetInfo
    format: Format
    keys: dict[Build, str]
    description: Description | None = None


class Exported(Schema):
    """All artefacts, variants included, of one format and build."""

    artefacts: tuple[Artefact, ...]


def jobs(deployment: Deployment, work: Work[ExportArguments]) -> list[StepJob]:
    """One a format that misses artefacts, the longest first: two at a time end together then."""
    kept = len(deployment.folder.manifest.artefacts)
    if kept:
        deployment.start.observer.note(f"{kept} finished artefacts are kept as they are")
    longest_first = sorted(
        deployment.request.formats, key=lambda fmt: FORMAT_INFO[fmt].export_seconds, reverse=True
    )
    found = (_job(deployment, work, fmt) for fmt in longest_first)
    return [one for one in found if one is not None]


def _job(deployment: Deployment, work: Work[ExportArguments], fmt: Format) -> StepJob | None:
    def missing() -> dict[Build, str]:
        return {
            build: key
            for build in deployment.possible
            if can_hold(fmt, build) and not deployment.folder.has(key := deployment.key(fmt, build))
        }

    keys = missing()
    if not keys:
        return None
    job = Job.calling(
        work,
        ExportArguments(
            request=deployment.request,
            network_key=deployment.prepared.network_key,
            input_spec=deployment.prepared.input_spec,
            data=deployment.prepared.check_data,
            format=fmt,
            keys=keys,
            description=_described(deployment),
        ),
        name=f"export-{fmt}",
        title=f"{fmt} export",
        memory=FORMAT_INFO[fmt].export_memory,
    )

    def keep(made: Exported) -> None:
        log = deployment.start.work.log_of(job.name)
        deployment.folder.add_artefacts(
            entry.model_copy(update={"log": log}) if entry.rejected else entry
            for entry in made.artefacts
        )

    return StepJob(
        job,
        {Exported: keep, Failure: partial(deployment.fail, job.name)},
        step="export",
        format=fmt,
        lost=missing,
    )


def _described(deployment: Deployment) -> Description:
    prepared = deployment.prepared
    return Description(
        network=prepared.network.name,
        task=prepared.network.task,
        labels=prepared.labels,
        input_spec=prepared.input_spec,
        made_from=prepared.weights.sha256,
        version=__version__,
    )


def export(report: Reporter, asked: ExportArguments) -> None:
    """Export one format; hands over an ``Exported`` or a ``Failure`` a build."""
    for build in asked.request.builds:
        if build not in asked.keys:
            continue
        try:
            made = _Export(report, asked, build).run()
            if made:
                report.result(Exported(artefacts=made))
        except Exception as error:
            if is_disk_error(error):
                raise
            traceback.print_exc()
            report.result(Failure.of(asked.format, build, "export", line_of(error)))


class _Export:
    """Writes one build and its variants, runs each against its reference, looks inside it."""

    def __init__(self, report: Reporter, asked: ExportArguments, build: Build) -> None:
        self._report, self._asked, self._build = report, asked, build
        self._checks = Checks(asked.work, asked.network_key, asked.data.identity)

    def run(self) -> tuple[Artefact, ...]:
        """What was made; nothing, with a note, where the format cannot hold the program."""
        from export.formats import left_out

        fmt = self._asked.format
        asked = self._asked
        sources = Sources(
            asked.request, asked.work, asked.network_key, asked.input_spec, asked.description
        )
        folder, source = sources.of(self._build)
        if source.program is not None:
            reason = left_out(fmt, source.program)
            if reason is not None:
                self._report.note(f"{fmt} {self._build} is left out: {reason}")
                return ()
        self._images, self._expected = self._checks.images(), self._checks.outputs(folder)
        pixels = self._asked.request.input_type == PIXELS and self._can_take_pixels(source)
        variants = FORMAT_INFO[fmt].files(source.precision, pixels=pixels)
        made = []
        for variant in variants:
            parity = partial(self._parity, source, variant)
            made.append(self._make(source, variant, parity))
            made += self._forms(source, variant, made[-1])
        return tuple(made)

    def _forms(self, source: ExportSource, variant: str, raw: Artefact) -> list[Artefact]:
        """What else is asked for of a segmenter's artefact ``raw``, each held against what its
        logits come to."""
        from export.output_forms import in_form, of_logits

        if not self._asked.request.output_forms:
            return []
        if raw.rejected:
            self._report.note(f"{raw.name} is not as its reference: its output forms are left out")
            return []
        spec, made = source.input_spec, []
        logits = self._answers(source, self._asked.request.output / raw.path)
        for form in self._asked.request.output_forms:
            expected = of_logits(logits, form, (spec.height, spec.width))
            formed = in_form(source, form)

            check = partial(self._form_parity, formed, expected)
            made.append(self._make(formed, variant, check))
        return made

    def _can_take_pixels(self, source: ExportSource) -> bool:
        """Whether pixels can become what the program's first layer reads; a note where not."""
        from export.formats import pixels_left_out

        fmt = self._asked.format
        reason = pixels_left_out(fmt, source.program)
        if reason is not None:
            self._report.note(f"{fmt} {self._build} has no uint8 input: {reason}")
        return reason is None

    def _make(
        self, source: ExportSource, variant: str, parity_of: Callable[[Path, str], Parity]
    ) -> Artefact:
        from export.base import atomic_artefact, input_type
        from export.formats import FORMATS
        from export.inspection import inspect
        from runtime_bench.runtimes import RUNTIMES

        start = time.monotonic()
        asked, fmt, output = self._asked, self._asked.format, self._asked.request.output
        name = variant_in_form(variant, source.output)
        title = " ".join(part for part in (self._build, name) if part)
        final = output / self._build / FORMAT_INFO[fmt].file_name(name)
        # Where it stays if its runtime refuses it or it does not equal its reference.
        path = asked.work.rejected(self._build) / final.name
        self._report.progress(f"{title} export", 0.0)
        with atomic_artefact(path) as temporary:
            result = FORMATS[fmt].export(source, temporary, variant)
        self._report.progress(f"{title} check", 0.7)
        parity = parity_of(path, title)
        accepted = final if parity.passed else path
        made = Artefact(
            key=asked.keys[self._build],
            format=fmt,
            precision=source.precision,
            program=program_of(self._build),
            variant=name,
            layout=FORMAT_INFO[fmt].layout(source.layout),
            input=input_type(variant),
            output=source.output,
            path=accepted.relative_to(output).as_posix(),
            sha256=sha256_of(path),
            bytes=size_of(path),
            runtime=RUNTIMES[fmt].name,
            runtime_version=RUNTIMES[fmt].version(),
            parity=parity,
            coverage=inspect(path).coverage,
            preparation=tuple(f"{name} ({n})" for name, n in result.passes.items() if n),
            seconds=time.monotonic() - start,
        )
        if parity.passed:
            with atomic_artefact(final) as temporary:
                path.replace(temporary)
        return made

    def _parity(self, source: ExportSource, variant: str, path: Path, title: str) -> Parity:
        from fbdeploy.pipeline.steps.parity import PartSearch, parity_of

        parity = parity_of(self._answers(source, path), self._expected, source)
        if parity.passed:
            return parity
        search = PartSearch(self._asked.format, variant, self._images, worker_threads())
        tell = partial(self._report.progress, f"{title}: which layer differs", 0.8)
        return parity.model_copy(update={"parted_at": search.parted_at(source, tell)})

    def _form_parity(
        self, source: ExportSource, expected: Outputs, path: Path, title: str
    ) -> Parity:
        from fbdeploy.pipeline.steps.parity import form_parity

        return form_parity(self._answers(source, path), expected, source)

    def _answers(self, source: ExportSource, path: Path) -> Outputs:
        """What the artefact at ``path`` makes of the images."""
        from runtime_bench.runtimes import RUNTIMES
        from runtime_bench.runtimes.pixels import for_normalized

        session = RUNTIMES[self._asked.format].load(path, worker_threads())
        return for_normalized(session, source.input_spec).run(self._images)
