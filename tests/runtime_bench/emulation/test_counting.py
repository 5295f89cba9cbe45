"""Programs and artefacts counted on emulated cores."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from runtime_bench.emulation.counts import read_regions
from runtime_bench.emulation.instructions import count_classes
from runtime_bench.emulation.latency_model import LatencyPoint, fit_latency
from runtime_bench.runners.emulated import (
    Emulation,
    count_artefact,
    emulated_measurement,
)
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runtimes.outputs import OutputDifference, host_outputs
from runtime_bench.targets.emulated import EmulatedTarget
from runtime_bench.targets.opening import open_target
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import Artefacts, images
from tests.runtime_bench.device_fixtures import need, need_llvm

PROGRAM = r"""
.arch armv8.2-a+dotprod
.global _start
_start:
    mov x19, #0
    bl mark_begin
    mov x9, #1000
1:  sdot v0.4s, v1.16b, v2.16b
    sdot v3.4s, v1.16b, v2.16b
    fmla v4.4s, v5.4s, v6.4s
    subs x9, x9, #1
    b.ne 1b
    bl mark_end
    mov x8, #93
    mov x0, #0
    svc #0
mark_begin:
    mov x1, #1
    b mark
mark_end:
    mov x1, #2
mark:
    mov x8, #172
    ldr x0, =0x4D41524B
    mov x2, x19
    svc #0
    ret
"""


@dataclass(frozen=True)
class Counted:
    emulation: Emulation
    artefact: Path
    difference: OutputDifference


@pytest.fixture(scope="session")
def count(kit: RunnerKit, artefacts: Artefacts):  # type: ignore[no-untyped-def]
    """Counts an artefact on a core, once a session."""
    need_llvm()
    known: dict[tuple[str, str, str], Counted] = {}

    def counted(core: str, format_name: str, precision: str) -> Counted:
        key = (core, format_name, precision)
        if key not in known:
            path, batch = artefacts(format_name, precision), images(2)
            processes = 3 if core == "cortex-a76" else 1
            with open_target(f"arm://{core}") as target:
                assert isinstance(target, EmulatedTarget)
                emulation = count_artefact(target, kit, path, batch, processes=processes)
            difference = OutputDifference.between(emulation.outputs, host_outputs(path, batch))
            known[key] = Counted(emulation, path, difference)
        return known[key]

    return counted


def test_a_loop_is_counted_exactly(cache: Path, tmp_path: Path) -> None:
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    source, program, counts = (tmp_path / name for name in ("loop.s", "loop", "counts.txt"))
    source.write_text(PROGRAM)
    subprocess.run(
        ["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-o", program, source], check=True
    )
    with open_target("arm://cortex-a76") as target:
        assert isinstance(target, EmulatedTarget)
        target.stage({"loop": program})
        process = target.start_counted(["loop"], counts, threads=1)
        process.close()
    classes = count_classes(read_regions(counts)[0].blocks)
    assert (classes["sdot"], classes["fmla"]) == (2000, 1000)
    # 1000 loop branches, the return of mark_begin, the call of mark_end; 1000 subs and some moves.
    assert classes["branch"] == 1002
    assert 1000 < classes["alu"] < 1010


FORMATS = ("executorch", "onnx", "litert")


@pytest.mark.parametrize("format_name", FORMATS)
def test_int8_on_a_core_with_dot_products(count, format_name: str) -> None:  # type: ignore[no-untyped-def]
    counted = count("cortex-a76", format_name, "int8")
    emulation = counted.emulation
    assert len(emulation.process_instructions) == 3 and emulation.repeats
    assert emulation.classes["sdot"] > 0 and "smmla" not in emulation.classes
    assert sum(emulation.classes.values()) == emulation.instructions
    assert "unknown" not in emulation.classes
    assert counted.difference.equal
    assert emulation.kernels is not None and emulation.cycles is not None
    assert emulation.cycles.trusted and emulation.cycles.coverage > 0.99
    assert 0.3 < emulation.instructions / emulation.cycles.cycles < 4  # the width of an A76


@pytest.mark.parametrize("format_name", FORMATS)
def test_int8_on_an_old_core(count, format_name: str) -> None:  # type: ignore[no-untyped-def]
    counted = count("cortex-a53", format_name, "int8")
    classes = counted.emulation.classes
    assert "sdot" not in classes and "smmla" not in classes
    assert classes.get("mlal_8", 0) + classes.get("mlal_16", 0) > 0
    assert counted.emulation.cycles is None
    assert counted.difference.equal


@pytest.mark.parametrize("format_name", FORMATS)
def test_int8_on_a_core_with_matrix_products(count, format_name: str) -> None:  # type: ignore[no-untyped-def]
    counted = count("cortex-a710", format_name, "int8")
    assert counted.emulation.classes.get("smmla", 0) > 0
    assert counted.difference.equal


@pytest.mark.parametrize("format_name", ["executorch", "onnx"])
def test_float_is_near_the_hosts(count, format_name: str) -> None:  # type: ignore[no-untyped-def]
    counted = count("cortex-a53", format_name, "fp32")
    assert counted.emulation.kernels.instruction_class == "fmla"
    assert counted.difference.largest < 1e-5 and counted.difference.agreement == 1.0


def test_counts_are_not_times_without_a_calibration(count) -> None:  # type: ignore[no-untyped-def]
    counted = count("cortex-a76", "executorch", "int8")
    emulation, path = counted.emulation, counted.artefact
    with open_target("arm://cortex-a76") as target:
        assert isinstance(target, EmulatedTarget)
        plain = emulated_measurement(emulation, target, path, precision="int8")
        assert (plain.kind, plain.latency_ms, plain.samples_ns) == ("emulated", None, ())
        assert plain.counts is not None and plain.counts.instructions == emulation.instructions
        shares = [block.share for block in plain.counts.hottest]
        assert shares == sorted(shares, reverse=True) and 0.1 < sum(shares) <= 1
        for block in plain.counts.hottest:
            executed = block.executions * len(block.code)
            assert block.share == pytest.approx(executed / emulation.instructions)
        code = [line.split()[0] for block in plain.counts.hottest for line in block.code]
        assert "sdot" in code
        fit = fit_latency(
            "Pixel 0",
            "cortex-a76",
            [
                LatencyPoint(network=n, cycles=c, milliseconds=c * 1e-6)
                for n, c in (("a", 1), ("b", 2), ("c", 4))
            ],
        )
        estimated = emulated_measurement(emulation, target, path, latency_model=fit)
    assert estimated.kind == "estimated" and estimated.latency_ms is not None
    assert estimated.latency_ms.p50 == pytest.approx(emulation.cycles.cycles * 1e-6)
    assert estimated.estimate_interval_ms is not None and "Pixel 0" in estimated.note


def test_two_threads_compute_the_same(kit: RunnerKit, artefacts: Artefacts) -> None:
    need_llvm()
    path, batch = artefacts("executorch", "int8"), images(2)
    with open_target("arm://cortex-a76") as target:
        assert isinstance(target, EmulatedTarget)
        emulation = count_artefact(target, kit, path, batch, threads=2)
    assert emulation.served.threads == 2
    np.testing.assert_array_equal(
        logits_of(emulation.outputs), logits_of(host_outputs(path, batch))
    )
