"""The benchmark of this machine: what ``fbdeploy bench --target local`` does.

Load, first run and steady state are timed apart. All artefacts are loaded into one process and
interleaved (``interleave``), which takes one thread count: a process has one ExecuTorch pool and
one torch thread count. That process is replaced several times within the series
(``fresh_process``). Loads find the file in the page cache, since its SHA-256 was just taken. The
clock is ``time.perf_counter_ns``, monotonic.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from runtime_bench.machine.device import changes, describe, read_state, require_cool
from runtime_bench.machine.pinning import pinned
from runtime_bench.measurement import (
    Device,
    DeviceState,
    LatencySummary,
    Measurement,
    NoiseVerdict,
    append_measurement,
    read_measurements,
)
from runtime_bench.runtimes import runtime_of
from runtime_bench.timing.fresh_process import ColdRun, Load, RenewedProcess, run_alone
from runtime_bench.timing.interleave import Progress, Series, WarmUp, interleave, warm_up
from runtime_bench.timing.modes import Mode
from stats.bootstrap import bootstrap_interval
from stats.loads import Comparison, compare_loads
from stats.noise import judge_noise
from stats.percentiles import percentile, row_percentile
from zoo.errors import InputError
from zoo.files import sha256_of

TARGET = "local"
PREPARATION_RUNS = 20


@dataclass(frozen=True)
class Subject:
    """An artefact to be timed; precision and variant are repeated in its measurement."""

    path: Path
    precision: str | None = None
    variant: str = ""


def benchmark(
    subjects: Sequence[Subject],
    *,
    threads: int,
    mode: Mode,
    cores: Sequence[int] | None = None,
    cool_below: float | None = None,
    seed: int = 0,
    cold: bool = False,
    prepare: Callable[[], object] | None = None,
    progress: Progress | None = None,
) -> list[Measurement]:
    """Time artefacts on this machine against each other.

    Args:
        subjects: the artefacts, any mixture of formats.
        threads: for all of them.
        mode: when to stop.
        cores: to bind the process to; None leaves it free.
        cool_below: wait until every thermal zone is below so many degrees Celsius.
        seed: of the order within the rounds.
        cold: load and run each artefact alone too, ``mode.loads`` times, which gives the peak
            memory. The measurements then tell of these loads, not of those within the series.
        prepare: does the pre-processing of one image, which is timed apart.
        progress: called with the part done, in 0..1.

    Returns:
        One measurement a subject, in the order given.

    Raises:
        InputError: an artefact that cannot be loaded or whose runtime is not timed here, cores
            that cannot be bound, fewer cores than threads, or the machine does not cool down.
    """
    runtimes = [runtime_of(subject.path) for subject in subjects]
    for subject, runtime in zip(subjects, runtimes, strict=True):
        if not runtime.timed:
            raise InputError(
                f"{subject.path}: {runtime.name} checks the artefact and is not the runtime of a "
                "device, so its time means nothing; time this format on the device itself"
            )
    versions = [runtime.version() for runtime in runtimes]
    hashes = [_hash(subject) for subject in subjects]
    with pinned(cores) as mask:
        if mask is not None and threads > len(mask):
            raise InputError(
                f"{threads} threads on {len(mask)} core(s): every thread needs its own; "
                "give fewer threads or more cores"
            )
        require_cool("this machine", cool_below, read_state)
        device, before = describe(), read_state()
        alone = [
            [run_alone(subject.path, threads) for _ in range(mode.loads if cold else 0)]
            for subject in subjects
        ]
        process = RenewedProcess([subject.path for subject in subjects], threads)
        try:
            process.renew(range(len(subjects)))
            warmed = [warm_up(contestant, mode) for contestant in process.contestants]
            medians = [warm.median_ns for warm in warmed]
            measured = interleave(
                process.contestants, medians, mode, process.renew, seed=seed, progress=progress
            )
        finally:
            process.close()
        preparation = _time_preparation(prepare)
        after = read_state()
    loads: Sequence[Sequence[Load]] = process.loads
    if cold:
        loads = [[run.load for run in runs] for runs in alone]
    setting = Setting(
        target=TARGET,
        device=device,
        cpu_mask=mask,
        mode=mode,
        cold=cold,
        before=before,
        after=after,
        preparation_ns=preparation,
    )
    return measurements_of(
        setting,
        [
            Finished(
                subject=subject,
                sha256=hashes[index],
                threads=threads,
                runtime=runtimes[index].name,
                runtime_version=versions[index],
                load_ns=tuple(load.load_ns for load in loads[index]),
                first_run_ns=tuple(load.first_run_ns for load in loads[index]),
                warm=warmed[index],
                series=measured[index],
                peak_memory_bytes=_largest_peak(alone[index]),
            )
            for index, subject in enumerate(subjects)
        ],
    )


def benchmark_to_file(
    results: Path,
    subjects: Sequence[Subject],
    *,
    threads: Sequence[int],
    mode: Mode,
    resume: bool = False,
    cores: Sequence[int] | None = None,
    cool_below: float | None = None,
    seed: int = 0,
    cold: bool = False,
    prepare: Callable[[], object] | None = None,
    progress: Progress | None = None,
) -> Iterator[Measurement]:
    """``benchmark`` for every thread count, appending to ``results.jsonl`` as measurements come.

    With ``resume``, what the file already holds with the same SHA-256, target, threads, mode and
    cores is yielded from there (with ``cold`` only what was loaded cold); ``Measurement.session``
    tells which were interleaved.

    Yields:
        One measurement a thread count and subject, in the order given.

    Raises:
        InputError: as ``benchmark``; or the file is not one of measurements, or cannot be written.
    """
    lines = read_measurements(results) if resume else []
    known = {one.key: one for one in lines if one.cold or not cold}
    hashes = [_hash(subject) for subject in subjects]
    with pinned(cores) as mask:
        pass
    for count in threads:
        keys = [(digest, TARGET, count, mode.name, mask) for digest in hashes]
        left = [subject for subject, key in zip(subjects, keys, strict=True) if key not in known]
        fresh: list[Measurement] = []
        if left:
            fresh = benchmark(
                left,
                threads=count,
                mode=mode,
                cores=cores,
                cool_below=cool_below,
                seed=seed,
                cold=cold,
                prepare=prepare,
                progress=progress,
            )
        for measurement in fresh:
            append_measurement(results, measurement)
        made = iter(fresh)
        for key in keys:
            yield known[key] if key in known else next(made)


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
            latency_ms=summarize(one.series.samples, block_runs=one.series.block_runs),
            noise=judge(one.series, one.warm, (*disturbances, *one.disturbances)),
            peak_memory_bytes=one.peak_memory_bytes,
            state_before=setting.before,
            state_after=setting.after,
            note=one.note,
        )
        for one in finished
    ]


def summarize(samples_ns: Sequence[int], *, block_runs: int = 1) -> LatencySummary:
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
        p50_interval=interval.as_tuple(),
        minimum=float(samples.min()),
        mean=mean,
        iqr=percentile(samples, 75) - percentile(samples, 25),
        cv=float(samples.std(ddof=1)) / mean if len(samples) > 1 and mean > 0 else 0.0,
    )


def judge(series: Series, warm: WarmUp, disturbances: Sequence[str] = ()) -> NoiseVerdict:
    """The verdict on a series: its own noise, an unfinished warm-up, and the device's changes."""
    noise = judge_noise(series.samples)
    reasons = list(noise.reasons)
    if not warm.settled:
        reasons.append("the warm-up ended at its time limit, still drifting")
    reasons.extend(disturbances)
    return NoiseVerdict(
        noisy=bool(reasons),
        drift=noise.drift,
        outliers=noise.outliers,
        modes=noise.modes,
        reasons=tuple(reasons),
    )


def ratio(first: Measurement, second: Measurement) -> Comparison:
    """How many times as long the first takes as the second, with its 95 % interval.

    It is of their undisturbed times, load against load (``statistics.compare_loads``), so it need
    not be the ratio of their medians.

    Raises:
        InputError: they were not interleaved, so that the machine's noise would be compared too, or
            by a version that loaded them once, so that one load's luck would be.
    """
    runs = [(one.block_runs or 0) * (one.load_rounds or 0) for one in (first, second)]
    if not first.session or first.session != second.session or not all(runs):
        raise InputError(
            f"{first.artefact} and {second.artefact} were not measured in turn; give both to one "
            "bench command to compare them"
        )
    return compare_loads(
        first.samples_ns, second.samples_ns, first_runs=runs[0], second_runs=runs[1]
    )


def _largest_peak(runs: Sequence[ColdRun]) -> int | None:
    peaks = [run.peak_memory_bytes for run in runs if run.peak_memory_bytes is not None]
    return max(peaks, default=None)


def _hash(subject: Subject) -> str:
    if not subject.path.exists():
        raise InputError(f"{subject.path}: no such artefact; check the path")
    return sha256_of(subject.path)


def _time_preparation(prepare: Callable[[], object] | None) -> tuple[int, ...]:
    if prepare is None:
        return ()
    prepare()
    durations = []
    for _ in range(PREPARATION_RUNS):
        start = time.perf_counter_ns()
        prepare()
        durations.append(time.perf_counter_ns() - start)
    return tuple(durations)
