"""The benchmark of this machine: what ``fbdeploy bench --target local`` does.

Load, first run and steady state are timed apart. All artefacts are loaded into one process and
interleaved (``interleave``), which takes one thread count: a process has one ExecuTorch pool and
one torch thread count. That process is replaced several times within the series
(``fresh_process``). Loads find the file in the page cache, since its SHA-256 was just taken. The
clock is ``time.perf_counter_ns``, monotonic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from export.format_info import FORMAT_INFO
from runtime_bench.machine.device import describe, read_state, require_cool
from runtime_bench.machine.pinning import pinned
from runtime_bench.measurement import LOCAL, Measurement
from runtime_bench.runtimes import runtime_of
from runtime_bench.timing.fresh_process import ColdRun, Load, RenewedProcess, run_alone
from runtime_bench.timing.interleave import PartDone, interleave, warm_up
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.session import Finished, Setting, Subject, measurements_of
from zoo.errors import InputError

PREPROCESSING_RUNS = 20


def benchmark(
    subjects: Sequence[Subject],
    *,
    threads: int,
    mode: Mode,
    cores: Sequence[int] | None = None,
    cool_below: float | None = None,
    seed: int = 0,
    cold: bool = False,
    memory: bool = False,
    prepare: Callable[[], object] | None = None,
    progress: PartDone | None = None,
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
        memory: only the peak memory of each artefact alone, several at a time, since nothing of it
            is timed.
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
        if not FORMAT_INFO[runtime.format].timed:
            raise InputError(
                f"{subject.path}: {runtime.name} checks the artefact and is not the runtime of a "
                "device, so its time means nothing; time this format on the device itself"
            )
    versions = [runtime.version() for runtime in runtimes]
    hashes = [subject.sha256() for subject in subjects]
    with pinned(cores) as mask:
        if mask is not None and threads > len(mask):
            raise InputError(
                f"{threads} threads on {len(mask)} core(s): every thread needs its own; "
                "give fewer threads or more cores"
            )
        require_cool("this machine", cool_below, read_state)
        device, before = describe(), read_state()
        if cold:
            alone = [
                [run_alone(subject, threads) for _ in range(mode.loads)] for subject in subjects
            ]
        else:
            alone = _in_parallel(subjects, threads, mask) if memory else [[] for _ in subjects]
        process = RenewedProcess(subjects, threads)
        try:
            process.renew(range(len(subjects)))
            warmed = [warm_up(contestant, mode) for contestant in process.contestants]
            medians = [warm.median_ns for warm in warmed]
            measured = interleave(
                process.contestants, medians, mode, process.renew, seed=seed, progress=progress
            )
        finally:
            process.close()
        preprocessing = _time_preprocessing(prepare)
        after = read_state()
    loads: Sequence[Sequence[Load]] = process.loads
    if cold:
        loads = [[run.load for run in runs] for runs in alone]
    setting = Setting(
        target=LOCAL,
        device=device,
        cpu_mask=mask,
        mode=mode,
        cold=cold,
        before=before,
        after=after,
        preparation_ns=preprocessing,
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


def _in_parallel(
    subjects: Sequence[Subject], threads: int, mask: Sequence[int] | None
) -> list[list[ColdRun]]:
    """One load of each alone, as many at a time as there are cores for; one where nobody tells."""
    with ThreadPoolExecutor(max(1, len(mask or ()) // threads)) as pool:
        return [[run] for run in pool.map(lambda subject: run_alone(subject, threads), subjects)]


def _largest_peak(runs: Sequence[ColdRun]) -> int | None:
    peaks = [run.peak_memory_bytes for run in runs if run.peak_memory_bytes is not None]
    return max(peaks, default=None)


def _time_preprocessing(prepare: Callable[[], object] | None) -> tuple[int, ...]:
    if prepare is None:
        return ()
    prepare()
    durations = []
    for _ in range(PREPROCESSING_RUNS):
        start = time.perf_counter_ns()
        prepare()
        durations.append(time.perf_counter_ns() - start)
    return tuple(durations)
