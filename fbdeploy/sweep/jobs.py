"""The measuring jobs of a sweep: what is still to be measured, by target and network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.latency.measure import is_by, read_latency_model
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.steps.bench import MEMORY as BENCH_MEMORY
from fbdeploy.pipeline.workers.jobs import Job, Work
from fbdeploy.records.manifest import Artefact
from fbdeploy.records.results import Line
from fbdeploy.sweep.measuring import MeasureArguments
from fbdeploy.sweep.plan import SweepPlan, TargetPlan, slug
from fbdeploy.sweep.rows import Exported
from runtime_bench.machine.device import describe
from runtime_bench.machine.pinning import pinned
from runtime_bench.measurement import Measurement
from runtime_bench.runners.emulated import MODE as COUNTED

DEVICE_MEMORY = 1200 * MEGABYTE
"""Of a worker that drives a device: it loads each artefact here once, to compare outputs."""


@dataclass(frozen=True)
class MeasuringJob:
    """A job, and the network and target that it measures."""

    job: Job
    network: str
    target: str


@dataclass(frozen=True)
class Measuring:
    """What is to be measured: all artefacts of ``exports``, which lie below ``folder``."""

    plan: SweepPlan
    folder: Path
    exports: list[Exported]
    work: Work[MeasureArguments]

    def jobs(self, lines: Iterable[Line]) -> list[MeasuringJob]:
        """Those whose results are not among ``lines``; this machine's own times come last."""
        known = list(lines)
        found: list[MeasuringJob] = []
        for target in sorted(self.plan.targets, key=lambda target: target.is_this_machine):
            measured = measured_as_planned(self.plan, known, [target])
            for network in dict.fromkeys(export.network for export in self.exports):
                if target.is_emulated:
                    found += self._counting(target, network, measured)
                else:
                    found += self._timing(target, network, measured)
        return found

    def _timing(
        self, target: TargetPlan, network: str, measured: list[Measurement]
    ) -> Iterator[MeasuringJob]:
        """All artefacts of a network together, since only what took turns may be compared."""
        entries = self._entries(network)
        wanted = {entry.sha256 for entry in entries}
        sessions: dict[int, dict[str, set[str]]] = {count: {} for count in self.plan.threads}
        for line in measured:
            sessions[line.threads].setdefault(line.session, set()).add(line.sha256)
        left = [
            count
            for count, known in sessions.items()
            if not any(wanted <= timed for timed in known.values())
        ]
        if left and wanted:
            known = {
                count: tuple(tuple(sorted(timed)) for timed in sessions[count].values())
                for count in left
            }
            yield self._job(target, network, network, entries, left, known)

    def _counting(
        self, target: TargetPlan, network: str, measured: list[Measurement]
    ) -> Iterator[MeasuringJob]:
        """Each artefact alone: counts do not depend on what else runs."""
        done = {(line.sha256, line.threads) for line in measured}
        for entry in self._entries(network):
            left = [count for count in self.plan.threads if (entry.sha256, count) not in done]
            if left:
                yield self._job(target, network, f"{network}-{entry.path}", [entry], left, {})

    def _entries(self, network: str) -> list[Artefact]:
        """The network's artefacts that are timed, with paths relative to the sweep's folder."""
        found: dict[str, Artefact] = {}
        for export in self.exports:
            if export.network != network:
                continue
            for entry in export.manifest.artefacts:
                asked = entry.format in self.plan.formats and entry.precision in export.precisions
                if asked and FORMAT_INFO[entry.format].timed:
                    path = (export.folder / entry.path).as_posix()
                    found.setdefault(entry.sha256, entry.model_copy(update={"path": path}))
        return list(found.values())

    def _job(
        self,
        target: TargetPlan,
        network: str,
        name: str,
        entries: list[Artefact],
        threads: list[int],
        sessions: dict[int, tuple[tuple[str, ...], ...]],
    ) -> MeasuringJob:
        here = target.is_this_machine
        job = Job.calling(
            self.work,
            MeasureArguments(
                folder=self.folder,
                target=target,
                mode=self.plan.mode,
                threads=tuple(threads),
                artefacts=tuple(entries),
                sessions=sessions,
            ),
            name=slug(f"{target.address}-{name}"),
            title=f"{network} on {target.address}",
            memory=BENCH_MEMORY if here else DEVICE_MEMORY,
            exclusive=here,
            timed=here,
            device="" if here or target.is_emulated else target.address,
        )
        return MeasuringJob(job, network, target.address)


def _is_a_whole_other_machine(target: TargetPlan, line: Measurement) -> bool:
    """Whether all cores that a host of a cluster has stand for all that this machine has."""
    if not target.is_this_machine or target.cores is not None:
        return False
    return line.device != describe() and len(line.cpu_mask or ()) == line.device.cores


def measured_as_planned(
    plan: SweepPlan, lines: Iterable[Line], targets: Iterable[TargetPlan]
) -> list[Measurement]:
    """The measurements that were made on ``targets`` in the plan's way."""
    known: list[Measurement] = []
    measurements = [line for line in lines if isinstance(line, Measurement)]
    for target in targets:
        path = target.latency_model
        model = None if path is None else read_latency_model(path)
        mask = None if target.cores is None else tuple(sorted(target.cores))
        if target.is_this_machine:
            with pinned(target.cores) as mask:
                pass
        for line in measurements:
            if line.target != target.address or line.threads not in plan.threads:
                continue
            bound = line.cpu_mask == mask or _is_a_whole_other_machine(target, line)
            timed = line.mode == plan.mode and bound
            counted = line.mode == COUNTED and is_by(line, model)
            if counted if target.is_emulated else timed:
                known.append(line)
    return known
