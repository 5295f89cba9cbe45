"""The benchmark of this machine: what ``fbdeploy bench --target local`` does.

Load, first run and steady state are timed apart. All artefacts are loaded into one process and
interleaved (``interleave``), which takes one thread count: a process has one ExecuTorch pool and
one torch thread count. They are loaded anew several times within the series (``loading``). Loads
find the file in the page cache, since its SHA-256 was just taken. The clock is
``time.perf_counter_ns``, monotonic.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from runtime_bench.device import changes, describe, read_state, require_cool
from runtime_bench.fresh_process import ColdRun, run_in_fresh_process
from runtime_bench.interleave import Progress, Series, WarmUp, interleave, wait_until_quiet, warm_up
from runtime_bench.loading import ReloadedContestant, load_all
from runtime_bench.measurement import (
    Device,
    DeviceState,
    LatencySummary,
    Measurement,
    NoiseVerdict,
    append_measurement,
    read_measurements,
)
from runtime_bench.modes import Mode
from runtime_bench.pinning import pinned
from runtime_bench.runtimes import Runtime, runtime_of
from runtime_bench.statistics import (
    Comparison,
    bootstrap_interval,
    compare_loads,
    compare_rounds,
    judge_noise,
    percentile,
    row_percentile,
)
from zoo.errors import InputError
from zoo.files import sha256_of

TARGET = "local"
PREPARATION_RUNS = 20
LOAD_SPREAD = 0.008
"""Standard deviation of an artefact's log median between two loads of it, for series of one load.

Where its memory lies is worth something (Mytkowicz et al. 2009, ASPLOS). By A/A comparisons of
benchmarks/harness with int8 LiteRT; two loads of fp32 ONNX Runtime differed by up to 6 % on a
shared host, which it does not cover."""


@dataclass(frozen=True)
class Subject:
    """An artefact to be timed; precision and variant are repeated in its measurement."""

    path: Path
    precision: str | None = None
    variant: str = ""


@dataclass(frozen=True)
class _Loaded:
    """An artefact in this process; ``cold_runs`` came before and are empty if not asked for."""

    subject: Subject
    runtime: Runtime
    sha256: str
    contestant: ReloadedContestant
    cold_runs: tuple[ColdRun, ...]

    @property
    def loads(self) -> Sequence[ColdRun]:
        """Those that the measurement tells of."""
        return self.cold_runs or self.contestant.loads

    @property
    def peak_memory_bytes(self) -> int | None:
        """The largest of the loads' peaks; None where none is known."""
        peaks = [run.peak_memory_bytes for run in self.loads if run.peak_memory_bytes is not None]
        return max(peaks, default=None)


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
        cold: load and run first in fresh processes too, which gives the peak memory; seconds each.
            The measurements then tell of these loads, not of those within the series.
        prepare: does the pre-processing of one image, which is timed apart.
        progress: called with the part done, in 0..1.

    Returns:
        One measurement a subject, in the order given.

    Raises:
        InputError: an artefact that cannot be loaded or whose runtime is not timed here, cores
            that cannot be bound, fewer cores than threads, or the machine does not cool down.
    """
    for subject in subjects:
        runtime = runtime_of(subject.path)
        if not runtime.timed:
            raise InputError(
                f"{subject.path}: {runtime.name} checks the artefact and is not the runtime of a "
                "device, so its time means nothing; time this format on the device itself"
            )
    with pinned(cores) as mask:
        if mask is not None and threads > len(mask):
            raise InputError(
                f"{threads} threads on {len(mask)} core(s): every thread needs its own; "
                "give fewer threads or more cores"
            )
        require_cool("this machine", cool_below, read_state)
        device, before = describe(), read_state()
        loaded = [_load(subject, threads, mode, cold) for subject in subjects]
        contestants = [one.contestant for one in loaded]
        warmed = [warm_up(contestant, mode) for contestant in contestants]
        measured = interleave(
            contestants,
            [warm.median_ns for warm in warmed],
            mode,
            seed=seed,
            before_block=wait_until_quiet,
            renew=partial(load_all, contestants),
            progress=progress,
        )
        preparation = _time_preparation(prepare)
        after = read_state()
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
                subject=one.subject,
                sha256=one.sha256,
                threads=threads,
                runtime=one.runtime.name,
                runtime_version=one.runtime.version(),
                load_ns=tuple(run.load_ns for run in one.loads),
                first_run_ns=tuple(run.first_run_ns for run in one.loads),
                warm=warm,
                series=series,
                peak_memory_bytes=one.peak_memory_bytes,
            )
            for one, warm, series in zip(loaded, warmed, measured, strict=True)
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

    ``before`` and ``after`` are the states of the device; ``cold`` says that every load was made in
    a process of its own.
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

    Where artefacts were loaded anew within the series, this is of their undisturbed times, load
    against load (``statistics.compare_loads``), so it need not be the ratio of their medians.
    Where they were loaded once, it is of their rounds, and the interval holds that two loads of one
    file differ (``LOAD_SPREAD``), which no number of rounds shows; ``p_value`` is of the rounds
    alone.

    Raises:
        InputError: they were not interleaved, so that the machine's noise would be compared too.
    """
    blocks = (first.block_runs, second.block_runs)
    if not first.session or first.session != second.session or None in blocks:
        raise InputError(
            f"{first.artefact} and {second.artefact} were not measured in turn; give both to one "
            "bench command to compare them"
        )
    first_block, second_block = first.block_runs or 1, second.block_runs or 1
    if first.load_rounds and second.load_rounds:
        return compare_loads(
            first.samples_ns,
            second.samples_ns,
            first_runs=first_block * first.load_rounds,
            second_runs=second_block * second.load_rounds,
        )
    return compare_rounds(
        first.samples_ns,
        second.samples_ns,
        first_block=first_block,
        second_block=second_block,
        spread=LOAD_SPREAD,
    )


def _load(subject: Subject, threads: int, mode: Mode, cold: bool) -> _Loaded:
    runtime = runtime_of(subject.path)
    digest = _hash(subject)
    contestant = ReloadedContestant(subject.path, runtime, threads)
    runs = [run_in_fresh_process(subject.path, threads) for _ in range(mode.loads if cold else 0)]
    return _Loaded(subject, runtime, digest, contestant, tuple(runs))


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
