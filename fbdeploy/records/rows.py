"""An artefact's accuracy and latency joined: the rows that reports and ``--json`` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from export.format_info import FORMAT_INFO, NumberType
from fbdeploy.records.builds import Build, ProgramOf, build_of
from fbdeploy.records.conditions import Conditions, conditions_in, latencies_under
from fbdeploy.records.manifest import Artefact, Format, Manifest
from fbdeploy.records.results import EvaluationLine, Line, ScoreInfo
from runtime_bench.measurement import Kind, Measurement
from stats.interval import Interval
from zoo.documents import Schema, Share


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
    ``latency_note`` then says why. ``host`` is the cluster's that timed it. ``rejected``: it does
    not equal what it was made from.
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
    device: str | None = None
    host: str | None = None
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


def summarize(
    manifest: Manifest, lines: list[Line], conditions: Conditions | None = None
) -> list[ResultRow]:
    """Join every artefact with its newest evaluation and its newest latency under ``conditions``,
    None: those that :func:`fbdeploy.records.conditions.conditions_in` has first."""
    known = conditions_in(manifest, lines)
    if conditions is None:
        if not known:
            return joined(manifest, lines, {})
        conditions = known[0]
    rows = joined(manifest, lines, latencies_under(conditions, lines))
    others = [latencies_under(one, lines) for one in known if one != conditions]
    return [
        row if row.latency_ms else _timed_elsewhere(row, [one[sha] for one in others if sha in one])
        for sha, row in zip((entry.sha256 for entry in manifest.artefacts), rows, strict=True)
    ]


def joined(
    manifest: Manifest, lines: Sequence[Line], latencies: Mapping[str, Measurement]
) -> list[ResultRow]:
    """Join every artefact with its newest evaluation and the latency that is given of it.

    Args:
        manifest: of the deployment.
        lines: its measurements, of which evaluations and peak memory are taken.
        latencies: by the SHA-256 of what was timed.
    """
    data = manifest.evaluation_data
    evaluations = {
        line.sha256: line
        for line in lines
        if isinstance(line, EvaluationLine) and line.dataset == data
    }
    peaks = {
        line.sha256: line.peak_memory_bytes
        for line in lines
        if isinstance(line, Measurement)
        and line.peak_memory_bytes is not None
        and line.sha256 in latencies
        and Conditions.of(line) == Conditions.of(latencies[line.sha256])
    }
    formats = {line.format for line in latencies.values()}
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
                latency_note=_latency_note(artefact, speed, formats),
                target=speed.target if speed else None,
                device=speed.device.title if speed else None,
                host=speed.host or None if speed else None,
                threads=speed.threads if speed else None,
                int8_share=artefact.coverage.int8_share if artefact.coverage else None,
                delegated_share=artefact.coverage.delegated_share if artefact.coverage else None,
                load_ms=_median_ms(speed.load_ns) if speed else None,
                first_run_ms=_median_ms(speed.first_run_ns) if speed else None,
                peak_memory_bytes=peaks.get(artefact.sha256),
            )
        )
    return rows


def _median_ms(durations_ns: tuple[int, ...]) -> float | None:
    return median(durations_ns) / 1e6 if durations_ns else None


def _timed_elsewhere(row: ResultRow, there: list[Measurement]) -> ResultRow:
    """A row without a time that says where it has one."""
    if not there:
        return row
    names = dict.fromkeys(line.machine for line in there)
    return row.model_copy(update={"latency_note": f"timed on {' and '.join(names)} only"})


def _latency_note(artefact: Artefact, speed: Measurement | None, timed: set[str]) -> str:
    """What a reader must know of a latency, or why there is none; ``timed`` are the formats that
    have one there."""
    if speed is None:
        info = FORMAT_INFO[artefact.format]
        if not info.timed and artefact.format not in timed:
            return f"not measured: {info.title} runs on Apple devices only"
        return "not measured"
    if speed.noise and speed.noise.noisy:
        return "; ".join(("noisy: " + ", ".join(speed.noise.reasons), speed.note)).rstrip("; ")
    return speed.note


def document(manifest: Manifest, lines: list[Line]) -> dict[str, Any]:
    """The JSON of ``deploy --json``: the manifest plus ``results``."""
    rows = [row.model_dump(mode="json") for row in summarize(manifest, lines)]
    return manifest.model_dump(mode="json") | {"results": rows}
