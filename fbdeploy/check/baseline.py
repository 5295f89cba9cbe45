"""The baseline: what one output folder measured, in one JSON file small enough to be committed.

An output folder is reduced to the same model before it is compared, so both sides are alike.
docs/results.md holds the JSON Schema.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from export.format_info import NumberType
from fbdeploy.check.migrations import BASELINE_MIGRATIONS
from fbdeploy.check.packing import check_classes, unpack, unpack_floats
from fbdeploy.records.builds import Build, ProgramOf, build_of
from fbdeploy.records.fields import Sha256, StoredInputSpec
from fbdeploy.records.manifest import Format
from runtime_bench.measurement import LONGEST_NS, Device, Kind, Threads
from tasks.base import Evaluation
from tasks.metric import Metric
from tasks.table import task_named
from zoo.documents import Count, Schema, Share, read_json, versioned
from zoo.errors import InputError, reason_of
from zoo.files import atomic_file
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
    input_spec: StoredInputSpec
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


def read_baseline(given: str | os.PathLike[str]) -> Baseline:
    """Read what ``write_baseline`` wrote.

    Raises:
        InputError: missing, damaged, or of a schema this version does not read.
    """
    path, advice = Path(given), "write it with fbdeploy check OUT --write-baseline"
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


def write_baseline(path: str | os.PathLike[str], baseline: Baseline) -> None:
    """Write the file whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_file(Path(path)) as temporary:
        temporary.write_text(baseline.model_dump_json(indent=1) + "\n", encoding="utf-8")
