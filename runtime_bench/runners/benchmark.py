"""The benchmark of a device: ``fbdeploy bench --target ssh://... | adb://...``.

The protocol is that of ``protocol.benchmark``; the contestants are runner processes on the device,
one an artefact, started again for each epoch and told when it is their turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from runtime_bench.machine.device import require_cool
from runtime_bench.measurement import Measurement
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runners.session import RunnerSession, Served, StagedArtefact, stage_artefact
from runtime_bench.runtimes.outputs import OutputDifference, host_outputs
from runtime_bench.runtimes.ports import FloatArray
from runtime_bench.targets.base import Target
from runtime_bench.timing.in_process import settle
from runtime_bench.timing.interleave import PartDone, interleave, warm_up
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.session import Finished, Setting, Subject, measurements_of

# A core whose clock fell below this part of its highest in the run was throttled.
CLOCK_KEPT = 0.9


class RestartedRunner:
    """An artefact on a device whose runner is started again and again. A contestant.

    ``loads`` holds what every start said, ``clocks`` the core's kHz after each block of the runners
    that have ended, where the device tells them.
    """

    def __init__(self, staged: StagedArtefact) -> None:
        self._staged = staged
        self._session: RunnerSession | None = None
        self.loads: list[Served] = []
        self.clocks: list[int] = []

    def start(self) -> None:
        """Start the runner, which must not be running, and let it settle.

        Raises:
            InputError: what ``StagedArtefact.start`` and ``RunnerSession.run_block`` raise.
        """
        self._session = self._staged.start()
        self.loads.append(self._session.served)
        settle(self._session.run_block)
        self._session.clocks.clear()  # a core that was idle is still speeding up

    def run_block(self, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row.

        Raises:
            InputError: as ``RunnerSession.run_block``.
        """
        assert self._session is not None
        return self._session.run_block(runs)

    def close(self) -> None:
        """End the runner; never raises."""
        if self._session is not None:
            self.clocks += self._session.clocks
            self._session.close()
            self._session = None


def _restart(runners: Sequence[RestartedRunner], order: Sequence[int]) -> None:
    for runner in runners:
        runner.close()
    for index in order:
        runners[index].start()


@dataclass(frozen=True)
class _Trial:
    """What is found out about an artefact before it is timed."""

    peak_memory_bytes: int
    difference: OutputDifference


def _try(staged: StagedArtefact, subject: Subject, images: FloatArray) -> _Trial:
    # Memory in a pass of its own, which is also the one that fills the page cache.
    session = staged.start()
    try:
        session.run_block(1)
        peak, outputs = session.peak_memory_bytes(), session.outputs()
    finally:
        session.close()
    return _Trial(peak, OutputDifference.between(outputs, host_outputs(subject.path, images)))


def benchmark_on_device(
    target: Target,
    kit: RunnerKit,
    subjects: Sequence[Subject],
    images: Sequence[FloatArray],
    *,
    threads: int,
    mode: Mode,
    cores: Sequence[int] | None = None,
    seed: int = 0,
    cool_below: float | None = None,
    progress: PartDone | None = None,
) -> list[Measurement]:
    """Time artefacts on a device against each other.

    Args:
        target: an open ssh or adb target.
        kit: the runners for its architecture.
        subjects: the artefacts.
        images: the input of each, float32 (N, 3, H, W); outputs are compared with this machine's.
        threads: for all of them.
        mode: when to stop.
        cores: of the device to bind to.
        seed: of the order within the rounds.
        cool_below: wait until every thermal zone is below so many degrees Celsius.
        progress: called with the part done, in 0..1.

    Returns:
        One measurement a subject, in the order given.

    Raises:
        InputError: what ``stage_artefact`` and ``StagedArtefact.start`` raise, or the device does
            not cool down.
    """
    if not subjects:
        return []
    device = target.device()
    require_cool(target.name, cool_below, target.device_state)
    with ExitStack() as stack:
        before = target.device_state()
        runners, trials = [], []
        for subject, batch in zip(subjects, images, strict=True):
            staged = stage_artefact(target, kit, subject.path, batch, threads=threads, cores=cores)
            trials.append(_try(staged, subject, batch))
            runner = RestartedRunner(staged)
            stack.callback(runner.close)
            runners.append(runner)
        renew = partial(_restart, runners)
        renew(range(len(runners)))
        warmed = [warm_up(runner, mode) for runner in runners]
        medians = [warm.median_ns for warm in warmed]
        measured = interleave(runners, medians, mode, renew, seed=seed, progress=progress)
        after = target.device_state()
    setting = Setting(
        target=target.name,
        device=device,
        cpu_mask=None if cores is None else tuple(sorted(cores)),
        mode=mode,
        cold=True,  # every load is a runner of its own
        before=before,
        after=after,
    )
    return measurements_of(
        setting,
        [
            Finished(
                subject=subject,
                sha256=subject.sha256(),
                threads=runner.loads[0].threads,
                runtime=runner.loads[0].runtime,
                runtime_version=runner.loads[0].version,
                load_ns=tuple(served.load_ns for served in runner.loads),
                first_run_ns=tuple(served.first_ns for served in runner.loads),
                warm=warm,
                series=series,
                peak_memory_bytes=trial.peak_memory_bytes,
                disturbances=clock_drop(runner.clocks),
                note=trial.difference.describe(subject.precision),
            )
            for subject, trial, runner, warm, series in zip(
                subjects, trials, runners, warmed, measured, strict=True
            )
        ],
    )


def clock_drop(clocks_khz: Sequence[int]) -> tuple[str, ...]:
    """What the clocks after each block say about throttling, in words; empty if nothing."""
    if not clocks_khz:
        return ()
    lowest, highest = min(clocks_khz), max(clocks_khz)
    if lowest >= CLOCK_KEPT * highest:
        return ()
    return (f"the core's clock fell from {highest / 1e3:.0f} to {lowest / 1e3:.0f} MHz",)
