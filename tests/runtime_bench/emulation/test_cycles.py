from __future__ import annotations

import pytest

from runtime_bench.emulation.cores import find_core
from runtime_bench.emulation.counts import Block, Region
from runtime_bench.emulation.cycles import estimate_cycles
from tests.runtime_bench.device_fixtures import need_llvm
from tests.runtime_bench.emulation.test_instructions import assemble


def cycles_of(lines: list[str], core: str = "cortex-a76", executions: int = 1000) -> float:
    region = Region(0, (Block(0, executions, tuple(assemble(lines))),))
    estimate = estimate_cycles(region, find_core(core))
    assert estimate is not None and estimate.coverage == 1.0
    return estimate.cycles / executions


def test_throughput_of_the_published_pipelines() -> None:
    need_llvm()
    # Arm Neoverse N1 Software Optimization Guide, 3.15 and 3.20: two vector pipes for FMLA and
    # SDOT, latency of the accumulator 2 and 1. Sixteen independent ones take eight cycles.
    fmla = [f"fmla v{i}.4s, v30.4s, v31.4s" for i in range(16)]
    assert cycles_of(fmla) == pytest.approx(8, rel=0.05)
    sdot = [f"sdot v{i}.4s, v30.16b, v31.16b" for i in range(16)]
    assert cycles_of(sdot) == pytest.approx(8, rel=0.05)
    # Two load pipes.
    loads = [f"ldr q{i}, [x{i}]" for i in range(16)]
    assert cycles_of(loads) == pytest.approx(8, rel=0.05)


def test_a_dependency_costs_its_latency() -> None:
    need_llvm()
    # fadd: latency 2 (same guide, 3.16).
    assert cycles_of(["fadd v0.4s, v0.4s, v1.4s"] * 4) == pytest.approx(8, rel=0.05)


def test_equal_blocks_are_added_wherever_they_lie() -> None:
    need_llvm()
    words = tuple(assemble(["add x0, x1, x2", "ldr x3, [x4]", "ret"]))
    one = Region(0, (Block(0, 30, words),))
    two = Region(0, (Block(0, 10, words), Block(4096, 20, words)))
    core = find_core("cortex-a76")
    first, second = estimate_cycles(one, core), estimate_cycles(two, core)
    assert first is not None and first == second
    assert first.trusted and first.model == "neoverse-n1"


def test_a_core_without_a_model_is_not_estimated() -> None:
    assert estimate_cycles(Region(0, ()), find_core("cortex-a53")) is None
