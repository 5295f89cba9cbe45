"""A session: artefacts timed against each other, and how that is said as measurements."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from runtime_bench.machine.device import changes
from runtime_bench.measurement import (
    Device,
    DeviceState,
    LatencySummary,
    Measurement,
)
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.ports import Size
from runtime_bench.timing.interleave import Series, WarmUp
from runtime_bench.timing.modes import Mode
from stats.bootstrap import bootstrap_interval
from stats.disturbance import judge_noise
from stats.noise import Noise
from stats.percentiles import percentile, row_percentile
from zoo.errors import InputError
from zoo.files import sha256_of


@dataclass(frozen=True)
class Subject:
    """An artefact to be timed; precision and variant are repeated in its measurement.

    ``input_size`` is that of the images, (height, width), for artefacts that take any.
    """

    path: Path
    precision: str | None = None
    variant: str = ""
    input_size: Size | None = None

    def sha256(self) -> str:
        """The artefact's content, in hexadecimal digits.

        Raises:
            InputError: there is no artefact.
        """
        if not self.path.exists():
            raise InputError(f"{self.path}: no such artefact; check the path")
        return sha256_of(self.path)


@dataclass(frozen=True)
class Setting:
    """What the measurements of one session have in common: see ``Measurement`` and ``benchmark``.

    ``before`` and ``after`` are the states of the device; ``cold`` says that every load was alone
    in a process of its own.
    """

    target: str
    device: Device
    cpu_mask: tuple[int, ...] | None
    mode: Mode
    cold: bool
    before: DeviceState
    after: DeviceState
    preparation_ns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finished:
    """An artefact whose series is finished: what was measured of it, durations in nanoseconds.

    ``disturbances`` are what its own runs say besides the device's states, in words.
    """

    subject: Subject
    sha256: str
    threads: int
    runtime: str
    runtime_version: str
    load_ns: tuple[int, ...]
    first_run_ns: tuple[int, ...]
    warm: WarmUp
    series: Series
    peak_memory_bytes: int | None
    disturbances: tuple[str, ...] = ()
    note: str = ""


def measurements_of(setting: Setting, finished: Sequence[Finished]) -> list[Measurement]:
    """The lines of ``results.jsonl`` of one session, in the order given."""
    session = uuid.uuid4().hex
    created = datetime.now(UTC).isoformat(timespec="seconds")
    disturbances = changes(setting.before, setting.after)
    return [
        Measurement(
            kind="measured",
            created=created,
            artefact=str(one.subject.path),
            sha256=one.sha256,
            format=runtime_of(one.subject.path).format,
            precision=one.subject.precision,
            variant=one.subject.variant,
            target=setting.target,
            device=setting.device,
            threads=one.threads,
            cpu_mask=setting.cpu_mask,
            runtime=one.runtime,
            runtime_version=one.runtime_version,
            mode=setting.mode.name,
            session=session,
            interleaved_with=tuple(other.sha256 for other in finished if other is not one),
            block_runs=one.series.block_runs,
            load_rounds=one.series.load_rounds,
            load_ns=one.load_ns,
            first_run_ns=one.first_run_ns,
            cold=setting.cold,
            warmup_runs=one.warm.runs,
            warmup_settled=one.warm.settled,
            samples_ns=tuple(one.series.samples),
            preparation_ns=setting.preparation_ns,
            latency_ms=latency_summary(one.series.samples, block_runs=one.series.block_runs),
            noise=judge(one.series, one.warm, (*disturbances, *one.disturbances)),
            peak_memory_bytes=one.peak_memory_bytes,
            state_before=setting.before,
            state_after=setting.after,
            note=one.note,
        )
        for one in finished
    ]


def latency_summary(samples_ns: Sequence[int], *, block_runs: int = 1) -> LatencySummary:
    """The summary in milliseconds of raw durations in nanoseconds.

    Args:
        samples_ns: in the order they were taken; at least ``block_runs``.
        block_runs: how many neighbours were taken in one go.
    """
    samples = np.asarray(samples_ns, np.float64) / 1e6
    interval = bootstrap_interval(samples, row_percentile(50), block=block_runs)
    mean = float(samples.mean())
    return LatencySummary(
        runs=len(samples),
        p50=percentile(samples, 50),
        p90=percentile(samples, 90),
        p99=percentile(samples, 99),
        p50_interval=interval,
        minimum=float(samples.min()),
        mean=mean,
        iqr=percentile(samples, 75) - percentile(samples, 25),
        cv=float(samples.std(ddof=1)) / mean if len(samples) > 1 and mean > 0 else 0.0,
    )


def judge(series: Series, warm: WarmUp, disturbances: Sequence[str] = ()) -> Noise:
    """The verdict on a series: its own noise, an unfinished warm-up, and the device's changes."""
    noise = judge_noise(series.samples)
    reasons = list(noise.reasons)
    if not warm.settled:
        reasons.append("the warm-up ended at its time limit, still drifting")
    reasons.extend(disturbances)
    return replace(noise, noisy=bool(reasons), reasons=tuple(reasons))
