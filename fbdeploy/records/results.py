"""``OUT/results.jsonl``: one line a finished measurement, and the rows ``--json`` shows of them."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from export.format_info import FORMAT_INFO, NumberType
from fbdeploy.records import migrations
from fbdeploy.records.builds import Build, ProgramOf, build_of
from fbdeploy.records.fields import InnerPath, Sha256
from fbdeploy.records.manifest import Artefact, DatasetInfo, Format, Manifest
from runtime_bench.measurement import Kind, Measurement
from stats.interval import Interval
from zoo.documents import Count, Schema, Share, migrated, validated
from zoo.json_lines import append_json_line, json_lines

if TYPE_CHECKING:
    from tasks.scores import Score

FILE_NAME = "results.jsonl"
EVALUATION_VERSION = 2


class ScoreInfo(Schema):
    """One metric of the network's task (``tasks.scores.Score``), fractions of one.

    ``reference`` is the float network's value, ``difference`` artefact minus that, ``p`` two-sided;
    null where there is nothing to compare with. Intervals are 95 %; those of evaluations made
    before they were kept are null. ``classes`` is the value of each class by itself, null of one
    that no image has; empty of metrics that are not told by class.
    """

    metric: str
    value: Share
    interval: Interval | None = None
    reference: Share | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    p: Share | None = None
    classes: tuple[Share | None, ...] = ()

    @classmethod
    def of(cls, score: Score) -> ScoreInfo:
        """What a document holds of a score."""
        return cls(
            metric=score.metric,
            value=score.value,
            interval=score.interval,
            reference=score.reference,
            difference=score.difference,
            difference_interval=score.difference_interval,
            p=score.p,
            classes=score.classes,
        )


class Comparison(Schema):
    """A classifier's artefact against the float network on the same images.

    ``kl`` is in nats; ``top1_difference`` is artefact minus float, with its 95 % interval;
    ``mcnemar_p`` is two-sided.
    """

    reference: str
    top1: Share | None = None
    agreement: Share
    kl: float
    top1_difference: float | None = None
    difference_interval: Interval | None = None
    mcnemar_p: float | None = None


class EvaluationLine(Schema):
    """Accuracy of one artefact in its own runtime. Shares are in 0..1, intervals 95 %.

    ``scores`` are the metrics of the network's task; ``top1`` to ``comparison`` repeat a
    classifier's.
    ``predictions`` is the file of its answers (``fbdeploy.records.predictions``), relative to the
    folder; evaluations of before there were such files have none and are made again. ``machine`` is
    its processor, behind the name of the cluster's host if it was one.
    """

    type: Literal["evaluation"] = "evaluation"
    schema_version: Literal[2] = 2
    key: str
    time: str
    format: Format
    precision: NumberType
    program: ProgramOf = ""
    variant: str = ""
    sha256: Sha256
    dataset: DatasetInfo
    images: Count
    scores: tuple[ScoreInfo, ...] = ()
    top1: Share | None = None
    top5: Share | None = None
    top1_interval: Interval | None = None
    comparison: Comparison | None = None
    predictions: InnerPath | None = None
    seconds: float
    machine: str = ""


Line = EvaluationLine | Measurement
_LINE: TypeAdapter[EvaluationLine | Measurement] = TypeAdapter(
    Annotated[Line, Field(discriminator="type")]
)


class LatencyPercentiles(Schema):
    """Milliseconds."""

    p50: float
    p90: float
    p99: float


class ResultRow(Schema):
    """One artefact with its accuracy and latency joined: a row of ``deploy --json`` results.

    ``scores`` are the metrics of the network's task; ``top1`` to ``mcnemar_p`` repeat a
    classifier's.
    ``load_ms`` and ``first_run_ms`` are medians over the loads of the session,
    ``peak_memory_bytes`` what an artefact alone adds to its process. What was not measured is null;
    ``latency_note`` then says why. ``rejected``: it does not equal what it was made from.
    """

    format: Format
    precision: NumberType
    program: ProgramOf
    variant: str
    path: str
    bytes: int
    images: int | None
    scores: tuple[ScoreInfo, ...] = ()
    top1: Share | None
    top5: Share | None
    top1_interval: Interval | None
    agreement: Share | None
    kl: float | None
    top1_difference: float | None
    difference_interval: Interval | None
    mcnemar_p: float | None
    parity_max_abs: float | None
    rejected: bool
    latency_ms: LatencyPercentiles | None
    p50_interval: Interval | None
    latency_kind: Kind | None
    latency_note: str
    target: str | None
    threads: int | None
    int8_share: Share | None
    delegated_share: Share | None
    load_ms: float | None = None
    first_run_ms: float | None = None
    peak_memory_bytes: int | None = None

    @property
    def build(self) -> Build:
        """Precision and program in one word."""
        return build_of(self.precision, self.program)


def read_lines(folder: Path) -> list[Line]:
    """All measurements of an output folder in the order they were made; none if there is no file.

    Raises:
        InputError: a line is not a measurement; what a killed run left at the end is none.
    """
    advice = "move the file away and deploy again"
    return [
        validated(_LINE, _current(line.value(), line.name, advice), line.name, advice)
        for line in json_lines(folder / FILE_NAME, advice)
    ]


def _current(value: Any, name: str, advice: str) -> Any:
    """A line in the form of this version; those of the first evaluations tell no version."""
    if isinstance(value, dict) and value.get("type") == "evaluation":
        value = {"schema_version": 1} | value
        return migrated(value, EVALUATION_VERSION, migrations.EVALUATION, name, advice)
    return value


def append_line(folder: Path, line: Line) -> None:
    """Add one measurement and make sure it is on the disk.

    Raises:
        InputError: the file cannot be written.
    """
    append_json_line(folder / FILE_NAME, line)


def summarize(manifest: Manifest, lines: list[Line]) -> list[ResultRow]:
    """Join every artefact with its newest evaluation and its newest latency line."""
    data = manifest.evaluation_data
    evaluations = {
        line.sha256: line
        for line in lines
        if isinstance(line, EvaluationLine) and line.dataset == data
    }
    latencies = {
        line.sha256: line for line in lines if isinstance(line, Measurement) and line.latency_ms
    }
    peaks = {
        line.sha256: line.peak_memory_bytes
        for line in lines
        if isinstance(line, Measurement)
        and line.peak_memory_bytes is not None
        and (line.target, line.threads) == _way(latencies.get(line.sha256))
    }
    rows = []
    for artefact in manifest.artefacts:
        score = evaluations.get(artefact.sha256)
        compared = score.comparison if score else None
        speed = latencies.get(artefact.sha256)
        times = speed.latency_ms if speed else None
        rows.append(
            ResultRow(
                format=artefact.format,
                precision=artefact.precision,
                program=artefact.program,
                variant=artefact.variant,
                path=artefact.path,
                bytes=artefact.bytes,
                images=score.images if score else None,
                scores=score.scores if score else (),
                top1=score.top1 if score else None,
                top5=score.top5 if score else None,
                top1_interval=score.top1_interval if score else None,
                agreement=compared.agreement if compared else None,
                kl=compared.kl if compared else None,
                top1_difference=compared.top1_difference if compared else None,
                difference_interval=compared.difference_interval if compared else None,
                mcnemar_p=compared.mcnemar_p if compared else None,
                parity_max_abs=artefact.parity.max_abs if artefact.parity else None,
                rejected=artefact.rejected,
                latency_ms=LatencyPercentiles(p50=times.p50, p90=times.p90, p99=times.p99)
                if times
                else None,
                p50_interval=times.p50_interval if times else None,
                latency_kind=speed.kind if speed else None,
                latency_note=_latency_note(artefact, speed),
                target=speed.target if speed else None,
                threads=speed.threads if speed else None,
                int8_share=artefact.coverage.int8_share if artefact.coverage else None,
                delegated_share=artefact.coverage.delegated_share if artefact.coverage else None,
                load_ms=_median_ms(speed.load_ns) if speed else None,
                first_run_ms=_median_ms(speed.first_run_ns) if speed else None,
                peak_memory_bytes=peaks.get(artefact.sha256),
            )
        )
    return rows


def _way(speed: Measurement | None) -> tuple[str, int] | None:
    return None if speed is None else (speed.target, speed.threads)


def _median_ms(durations_ns: tuple[int, ...]) -> float | None:
    return median(durations_ns) / 1e6 if durations_ns else None


def _latency_note(artefact: Artefact, speed: Measurement | None) -> str:
    """What a reader must know of a latency, or why there is none."""
    if speed is None:
        info = FORMAT_INFO[artefact.format]
        if not info.timed:
            return f"not measured: {info.title} runs on Apple devices only"
        return "not measured"
    if speed.noise and speed.noise.noisy:
        return "; ".join(("noisy: " + ", ".join(speed.noise.reasons), speed.note)).rstrip("; ")
    return speed.note


def document(manifest: Manifest, lines: list[Line]) -> dict[str, Any]:
    """The JSON of ``deploy --json``: the manifest plus ``results``."""
    rows = [row.model_dump(mode="json") for row in summarize(manifest, lines)]
    return manifest.model_dump(mode="json") | {"results": rows}
