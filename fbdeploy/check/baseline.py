"""The baseline: what one output folder measured, in one JSON file small enough to be committed.

An output folder is reduced to the same model before it is compared, so both sides are alike.
docs/results.md holds the JSON Schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from export.format_info import NumberType
from fbdeploy.check.migrations import BASELINE_MIGRATIONS
from fbdeploy.check.packing import check_classes, pack, pack_floats, unpack, unpack_floats
from fbdeploy.check.timing import reduce_samples
from fbdeploy.records.builds import Build, ProgramOf, build_of
from fbdeploy.records.manifest import (
    Artefact,
    Format,
    InputSpecInfo,
    Manifest,
    Sha256,
    now,
    read_manifest,
)
from fbdeploy.records.predictions import Predictions, read_predictions
from fbdeploy.records.results import EvaluationLine, Line, read_lines
from runtime_bench.measurement import LONGEST_NS, Device, Kind, Measurement, Threads
from tasks.base import Evaluation
from tasks.metric import Metric
from tasks.table import task_named
from zoo.documents import Count, Schema, Share, read_json, versioned
from zoo.errors import InputError, reason_of
from zoo.files import atomic_file, exists, inside
from zoo.outputs import TaskName

SCHEMA_VERSION = 2

Nanoseconds = Annotated[int, Field(gt=0, le=LONGEST_NS)]
MOST_IMAGES = 10**9
MOST_COLUMNS = 10**6
ArtefactName = tuple[Format, Build, str]


class ScoredImages(Schema):
    """The images all artefacts were scored on.

    ``sha256`` is of their names and contents (``predictions.images_sha256``), ``task`` what the
    network is for. ``labels`` are classes, int32, one an image, -1 where it has none, packed as
    base64 of zlib; empty where the task's targets are no classes.
    """

    name: str
    images: Annotated[int, Field(ge=1, le=MOST_IMAGES)]
    sha256: Sha256
    task: TaskName
    labels: str = ""


class Latency(Schema):
    """One latency of an artefact. ``rounds_ns`` are at most 25 medians of neighbouring runs.

    ``noise`` is what the protocol found disturbed, empty if nothing; ``instructions`` are those of
    one inference on an emulated core, which has no ``rounds_ns``.
    """

    kind: Kind
    created: str
    target: str
    device: Device
    threads: Threads
    cpu_mask: tuple[Count, ...] | None = None
    runtime: str
    runtime_version: str
    rounds_ns: tuple[Nanoseconds, ...] = ()
    noise: tuple[str, ...] = ()
    instructions: Count | None = None


class Parts(Schema):
    """What each image contributes to a metric (``tasks.base.Evaluation``): float32 (images,
    ``columns``), packed as base64 of zlib; rights and wrongs are short."""

    columns: Annotated[int, Field(ge=1, le=MOST_COLUMNS)]
    data: str


class Record(Schema):
    """One artefact; what is not told here is as in the manifest.

    ``parts`` are by the metric's name: those against labels, if there are any, and that against the
    float network. None where it was not scored.
    """

    format: Format
    precision: NumberType
    program: ProgramOf = ""
    variant: str = ""
    sha256: Sha256
    bytes: Count
    runtime: str
    runtime_version: str
    int8_share: Share | None = None
    delegated_share: Share | None = None
    partitions: Count | None = None
    parts: dict[str, Parts] | None = None
    latencies: tuple[Latency, ...] = ()

    @property
    def key(self) -> ArtefactName:
        """What artefacts of two folders are matched by."""
        return (self.format, self.build, self.variant)

    @property
    def build(self) -> Build:
        """Precision and program in one word."""
        return build_of(self.precision, self.program)


class Baseline(Schema):
    """The whole file."""

    schema_version: Literal[2] = 2
    fbdeploy_version: str
    created: str
    network: str
    weights_sha256: Sha256
    input_spec: InputSpecInfo
    data: ScoredImages | None = None
    artefacts: Annotated[tuple[Record, ...], Field(min_length=1)]

    def labels(self) -> NDArray[np.int32]:
        """int32 (images,); none without data."""
        if self.data is None or not self.data.labels:
            return np.zeros(0, np.int32)
        return unpack(self.data.labels, self.data.images)

    def evaluation(self, record: Record, metric: Metric) -> Evaluation | None:
        """What the artefact's images contribute to ``metric``; None where it was not told."""
        if self.data is None or record.parts is None or metric.name not in record.parts:
            return None
        kept = record.parts[metric.name]
        parts = unpack_floats(kept.data, self.data.images * kept.columns)
        task = task_named(self.data.task)
        return task.evaluation(metric, parts.reshape(self.data.images, kept.columns))


def baseline_of(folder: Path) -> Baseline:
    """Reduce an output folder.

    Raises:
        InputError: it is none, has no artefacts, or was scored by an fbdeploy that kept no
            predictions.
    """
    manifest = read_manifest(folder)
    if not manifest.artefacts:
        raise InputError(f"{folder}: holds no artefacts; run fbdeploy deploy into it first")
    lines = read_lines(folder)
    scored = _scores(folder, manifest, lines)
    first = next(iter(scored.values()), None)
    for path, predictions in scored.items():
        if first is not None and not _same_images(first, predictions):
            raise InputError(
                f"{folder}: {path} was scored on other images than the rest; deploy again into "
                "another folder"
            )
    data = None
    if first is not None and manifest.evaluation_data is not None:
        data = ScoredImages(
            name=manifest.evaluation_data.name,
            images=len(first.labels),
            sha256=first.images_sha256,
            task=first.task,
            labels=pack(first.labels) if first.labels.size else "",
        )
    return Baseline(
        fbdeploy_version=manifest.fbdeploy_version,
        created=now(),
        network=manifest.network.name,
        weights_sha256=manifest.weights.sha256,
        input_spec=manifest.input_spec,
        data=data,
        artefacts=tuple(
            _record(entry, scored.get(entry.path), lines) for entry in manifest.artefacts
        ),
    )


def read_baseline(path: Path) -> Baseline:
    """Read what ``write_baseline`` wrote.

    Raises:
        InputError: missing, damaged, or of a schema this version does not read.
    """
    advice = "write it with fbdeploy check OUT --write-baseline"
    document = read_json(path, advice)
    baseline = versioned(Baseline, document, SCHEMA_VERSION, str(path), advice, BASELINE_MIGRATIONS)
    try:
        check_classes(baseline.labels(), -1)
        task = task_named(baseline.data.task) if baseline.data else None
        for record in baseline.artefacts:
            for metric in task.metrics if task else ():
                baseline.evaluation(record, metric)
    except ValueError as error:
        raise InputError(f"{path}: the predictions {reason_of(error)}; {advice}") from error
    return baseline


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(baseline.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _scores(folder: Path, manifest: Manifest, lines: list[Line]) -> dict[str, Predictions]:
    """The answers of every scored artefact by its path."""
    newest = {
        line.sha256: line
        for line in lines
        if isinstance(line, EvaluationLine) and line.dataset == manifest.evaluation_data
    }
    found = {}
    for entry in manifest.artefacts:
        line = newest.get(entry.sha256)
        if line is None:
            continue
        if line.predictions is None or not exists(inside(folder, line.predictions)):
            raise InputError(
                f"{folder}: keeps no predictions of {entry.name}; give the same deploy command "
                "again, which only scores it"
            )
        found[entry.path] = read_predictions(folder / line.predictions)
    return found


def _same_images(first: Predictions, other: Predictions) -> bool:
    return (
        first.images_sha256 == other.images_sha256
        and first.task == other.task
        and np.array_equal(first.labels, other.labels)
    )


def _record(entry: Artefact, scored: Predictions | None, lines: list[Line]) -> Record:
    coverage = entry.coverage
    return Record(
        format=entry.format,
        precision=entry.precision,
        program=entry.program,
        variant=entry.variant,
        sha256=entry.sha256,
        bytes=entry.bytes,
        runtime=entry.runtime,
        runtime_version=entry.runtime_version,
        int8_share=coverage.int8_share if coverage else None,
        delegated_share=coverage.delegated_share if coverage else None,
        partitions=coverage.partitions if coverage else None,
        parts=_parts(scored) if scored else None,
        latencies=_latencies(entry, lines),
    )


def _parts(scored: Predictions) -> dict[str, Parts]:
    return {
        name: Parts(columns=parts.shape[1], data=pack_floats(parts))
        for name, parts in scored.parts.items()
    }


def _latencies(entry: Artefact, lines: list[Line]) -> tuple[Latency, ...]:
    """The newest a target, thread count and kind."""
    newest = {
        (line.target, line.threads, line.kind): line
        for line in lines
        if isinstance(line, Measurement)
        and line.sha256 == entry.sha256
        and (line.samples_ns or line.counts)
    }
    return tuple(_latency(line) for line in newest.values())


def _latency(line: Measurement) -> Latency:
    return Latency(
        kind=line.kind,
        created=line.created,
        target=line.target,
        device=line.device,
        threads=line.threads,
        cpu_mask=line.cpu_mask,
        runtime=line.runtime,
        runtime_version=line.runtime_version,
        rounds_ns=reduce_samples(line.samples_ns, line.block_runs) if line.samples_ns else (),
        noise=line.noise.reasons if line.noise else (),
        instructions=line.counts.instructions if line.counts else None,
    )
