"""The benchmark of a device: ``fbdeploy bench --target ssh://... | adb://...``.

The protocol is that of ``protocol.benchmark``; the contestants are runner processes on the device,
each loaded once and told when it is its turn.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from runtime_bench.device import changes, wait_until_cool
from runtime_bench.interleave import Progress, interleave, warm_up
from runtime_bench.measurement import Measurement, append_measurement, read_measurements
from runtime_bench.modes import Mode
from runtime_bench.protocol import Subject, judge, summarize
from runtime_bench.runners.bundle import Bundle
from runtime_bench.runners.session import RunnerSession, start_session
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.base import FloatArray
from runtime_bench.targets.base import Target, TargetError
from zoo.files import sha256_of

# A core whose clock fell below this part of its highest in the run was throttled.
CLOCK_KEPT = 0.9
COOL_DOWN_SECONDS = 300.0


def noise_image(height: int, width: int) -> FloatArray:
    """One float32 image (1, 3, height, width) of normal noise, the same every time."""
    return np.random.default_rng(0).standard_normal((1, 3, height, width), np.float32)


def benchmark_on_device(
    target: Target,
    bundle: Bundle,
    subjects: Sequence[Subject],
    images: Sequence[FloatArray],
    *,
    threads: int,
    mode: Mode,
    cores: Sequence[int] | None = None,
    seed: int = 0,
    cool_below: float | None = None,
    progress: Progress | None = None,
) -> list[Measurement]:
    """Time artefacts on a device against each other.

    Args:
        target: an open ssh or adb target.
        bundle: the runners for its architecture.
        subjects: the artefacts.
        images: the input of each, float32 (N, 3, H, W).
        threads: for all of them.
        mode: when to stop.
        cores: of the device to bind to.
        seed: of the order within the rounds.
        cool_below: wait until every thermal zone is below so many degrees Celsius.
        progress: called with the part done, in 0..1.

    Returns:
        One measurement a subject, in the order given.

    Raises:
        InputError: what ``start_session`` raises, or the device does not cool down.
    """
    if not subjects:
        return []
    device = target.device()
    if cool_below is not None and not wait_until_cool(
        cool_below, timeout=COOL_DOWN_SECONDS, read=target.device_state
    ):
        raise TargetError(
            f"{target.name}: still warmer than {cool_below:g} °C after "
            f"{COOL_DOWN_SECONDS / 60:.0f} minutes; let it cool and resume"
        )
    with ExitStack() as stack:

        def start(subject: Subject, image: FloatArray) -> RunnerSession:
            return start_session(target, bundle, subject.path, image, threads=threads, cores=cores)

        before = target.device_state()
        peaks, loads, firsts = [], [], []
        sessions: list[RunnerSession] = []
        for subject, image in zip(subjects, images, strict=True):
            # Memory in a pass of its own, which is also the one that fills the page cache.
            trial = start(subject, image)
            trial.run_block(1)
            peaks.append(trial.peak_memory_bytes())
            trial.close()
            fresh = []
            for index in range(mode.loads):
                session = start(subject, image)
                fresh.append(session)
                if index < mode.loads - 1:
                    session.close()
            stack.callback(fresh[-1].close)
            sessions.append(fresh[-1])
            loads.append(tuple(one.served.load_ns for one in fresh))
            firsts.append(tuple(one.served.first_ns for one in fresh))
        warmed = [warm_up(session, mode) for session in sessions]
        measured = interleave(
            sessions, [warm.median_ns for warm in warmed], mode, seed=seed, progress=progress
        )
        after = target.device_state()
    identity = uuid.uuid4().hex
    created = datetime.now(UTC).isoformat(timespec="seconds")
    hashes = [sha256_of(subject.path) for subject in subjects]
    disturbances = changes(before, after)
    return [
        Measurement(
            kind="measured",
            created=created,
            artefact=str(subject.path),
            sha256=digest,
            format=runtime_of(subject.path).format,
            precision=subject.precision,
            variant=subject.variant,
            target=target.name,
            device=device,
            threads=session.served.threads,
            cpu_mask=None if cores is None else tuple(sorted(cores)),
            runtime=session.served.runtime,
            runtime_version=session.served.version,
            mode=mode.name,
            session=identity,
            interleaved_with=tuple(other for other in hashes if other != digest),
            block_runs=series.block_runs,
            load_ns=load,
            first_run_ns=first,
            warmup_runs=warm.runs,
            warmup_settled=warm.settled,
            samples_ns=tuple(series.samples),
            latency_ms=summarize(series.samples, block_runs=series.block_runs),
            noise=judge(series, warm, (*disturbances, *clock_drop(session.clocks))),
            peak_memory_bytes=peak,
            state_before=before,
            state_after=after,
        )
        for subject, digest, session, series, warm, load, first, peak in zip(
            subjects, hashes, sessions, measured, warmed, loads, firsts, peaks, strict=True
        )
    ]


def benchmark_device_to_file(
    results: Path,
    target: Target,
    bundle: Bundle,
    subjects: Sequence[Subject],
    images: Sequence[FloatArray],
    *,
    threads: Sequence[int],
    mode: Mode,
    resume: bool = False,
    cores: Sequence[int] | None = None,
    seed: int = 0,
    cool_below: float | None = None,
    progress: Progress | None = None,
) -> Iterator[Measurement]:
    """``benchmark_on_device`` for every thread count, appending to ``results.jsonl`` as they come.

    With ``resume``, what the file already holds is yielded from there. When the device is lost,
    the thread counts that were finished stay in the file.

    Yields:
        One measurement a thread count and subject, in the order given.

    Raises:
        InputError: as ``benchmark_on_device``; or the file is not one of measurements.
    """
    known = {one.key: one for one in read_measurements(results)} if resume else {}
    mask = None if cores is None else tuple(sorted(cores))
    hashes = [sha256_of(subject.path) for subject in subjects]
    for count in threads:
        keys = [(digest, target.name, count, mode.name, mask) for digest in hashes]
        left = [index for index, key in enumerate(keys) if key not in known]
        fresh = benchmark_on_device(
            target,
            bundle,
            [subjects[index] for index in left],
            [images[index] for index in left],
            threads=count,
            mode=mode,
            cores=cores,
            seed=seed,
            cool_below=cool_below,
            progress=progress,
        )
        for measurement in fresh:
            append_measurement(results, measurement)
        made = iter(fresh)
        for key in keys:
            yield known[key] if key in known else next(made)


def clock_drop(clocks_khz: Sequence[int]) -> tuple[str, ...]:
    """What the clocks after each block say about throttling, in words; empty if nothing."""
    if not clocks_khz:
        return ()
    lowest, highest = min(clocks_khz), max(clocks_khz)
    if lowest >= CLOCK_KEPT * highest:
        return ()
    return (f"the core's clock fell from {highest / 1e3:.0f} to {lowest / 1e3:.0f} MHz",)
