"""Counting what an artefact executes on an emulated core, and saying it as a measurement."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runtime_bench.emulation.counts import Block, Region, read_regions
from runtime_bench.emulation.cycles import (
    CycleEstimate,
    disassemble,
    estimate_cycles,
    find_llvm,
)
from runtime_bench.emulation.instructions import count_classes
from runtime_bench.emulation.kernels import KernelFamily, kernel_family
from runtime_bench.emulation.latency_model import LatencyModel
from runtime_bench.measurement import Counts, HotBlock, LatencySummary, Measurement
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runners.session import Served, stage_artefact
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.ports import FloatArray
from runtime_bench.targets.emulated import EmulatedTarget
from stats.interval import Interval
from zoo.files import sha256_of

HOTTEST = 10
MODE = "counted"


@dataclass(frozen=True)
class Emulation:
    """One inference of an artefact on an emulated core.

    ``process_instructions`` holds the count of each process; ``classes`` executed instructions by
    class; ``hottest`` the blocks with most of them; ``outputs`` float32 (N, ...) by name, of
    all images.
    """

    core: str
    served: Served
    instructions: int
    process_instructions: tuple[int, ...]
    classes: dict[str, int]
    kernels: KernelFamily | None
    cycles: CycleEstimate | None
    hottest: tuple[Block, ...]
    outputs: dict[str, FloatArray]

    @property
    def repeats(self) -> bool:
        """Whether all processes executed exactly as many instructions."""
        return len(set(self.process_instructions)) == 1


def count_artefact(
    target: EmulatedTarget,
    kit: RunnerKit,
    artefact: Path,
    images: FloatArray,
    *,
    threads: int = 1,
    processes: int = 1,
) -> Emulation:
    """Count one warm inference (the second run) of an artefact, in some processes of their own.

    Args:
        target: an emulated core.
        kit: the aarch64 runners.
        artefact: a .pte, .onnx or .tflite file.
        images: float32 (N, 3, H, W); the first is counted, the outputs are of all.
        threads: of the runtime; with more than one, counts differ a little between processes.
        processes: how often to repeat it.

    Raises:
        InputError: what ``stage_artefact`` and ``estimate_cycles`` raise.
    """
    regions: list[Region] = []
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
        for index in range(processes):
            counts = Path(folder) / f"{index}.txt"
            session = stage_artefact(
                target, kit, artefact, images, threads=threads, counts=counts
            ).start()
            try:
                session.run_block(1)
                if index == 0:
                    served, outputs = session.served, session.outputs()
            finally:
                session.close()
            regions.append(read_regions(counts, wanted=[0])[0])
    region = regions[0]
    classes = count_classes(region.blocks)
    return Emulation(
        core=target.core.name,
        served=served,
        instructions=region.instructions,
        process_instructions=tuple(one.instructions for one in regions),
        classes=classes,
        kernels=kernel_family(classes),
        cycles=estimate_cycles(region, target.core),
        hottest=region.hottest(HOTTEST),
        outputs=outputs,
    )


def emulated_measurement(
    emulation: Emulation,
    target: EmulatedTarget,
    artefact: Path,
    *,
    precision: str | None = None,
    variant: str = "",
    latency_model: LatencyModel | None = None,
    notes: Sequence[str] = (),
) -> Measurement:
    """The line of ``results.jsonl``: counts, and milliseconds only with a latency model.

    Args:
        emulation: from ``count_artefact``.
        target: the core it ran on.
        artefact: the file.
        precision: repeated in the measurement.
        variant: repeated in the measurement.
        latency_model: fitted on measurements of the device that the core stands for.
        notes: what else must be known, such as outputs that differ from the host's.
    """
    cycles = emulation.cycles
    said = list(notes)
    if not emulation.repeats:
        said.append("instruction counts differed between processes")
    if cycles is not None and not cycles.trusted:
        said.append(f"cycles are not to be trusted: {cycles.note}")
    latency, interval = None, None
    if latency_model is not None and cycles is not None:
        estimate = latency_model.estimate(cycles.cycles)
        interval = estimate.interval
        latency = _as_summary(estimate.milliseconds, interval)
        said.append(latency_model.describe())
    return Measurement(
        kind="estimated" if latency is not None else "emulated",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        artefact=str(artefact),
        sha256=sha256_of(artefact),
        format=runtime_of(artefact).format,
        precision=precision,
        variant=variant,
        target=target.name,
        device=target.device(),
        threads=emulation.served.threads,
        runtime=emulation.served.runtime,
        runtime_version=emulation.served.version,
        mode=MODE,
        latency_ms=latency,
        estimate_interval_ms=interval,
        counts=Counts(
            instructions=emulation.instructions,
            by_class=emulation.classes,
            cycles=None if cycles is None else cycles.cycles,
            cycle_model="" if cycles is None else f"llvm-mca {cycles.llvm} {cycles.model}",
            kernels=() if emulation.kernels is None else (emulation.kernels.name,),
            hottest=_hot_blocks(emulation),
        ),
        note="; ".join(said),
    )


def _hot_blocks(emulation: Emulation) -> tuple[HotBlock, ...]:
    tools = find_llvm()
    return tuple(
        HotBlock(
            executions=block.executions,
            share=block.instructions / emulation.instructions,
            code=tuple(
                disassemble(list(block.words), tools)
                if tools is not None
                else (f"{word:08x}" for word in block.words)
            ),
        )
        for block in emulation.hottest
    )


def _as_summary(milliseconds: float, interval: Interval) -> LatencySummary:
    """An estimate knows one value and no distribution."""
    return LatencySummary(
        runs=0,
        p50=milliseconds,
        p90=milliseconds,
        p99=milliseconds,
        p50_interval=interval,
        minimum=milliseconds,
        mean=milliseconds,
        iqr=0.0,
        cv=0.0,
    )
