from __future__ import annotations

from pathlib import Path

import pytest

from runtime_bench.emulation.cores import cores, find_core
from runtime_bench.emulation.qemu import make_root
from runtime_bench.machine.device import describe
from zoo.errors import InputError

# Instruction sets by Arm's technical reference manuals: which cores have SDOT and SMMLA.
INT8_MATRIX = {"cortex-a510", "cortex-a710", "cortex-x2"}
DOT_PRODUCT = {"cortex-a55", "cortex-a75", "cortex-a76", "cortex-x1", *INT8_MATRIX}


def test_features_follow_the_manuals() -> None:
    assert {name for name, core in cores().items() if core.has("asimddp")} == DOT_PRODUCT
    assert {name for name, core in cores().items() if core.has("i8mm")} == INT8_MATRIX


@pytest.mark.parametrize("name", cores())
def test_a_core_is_recognised_by_its_own_cpuinfo(name: str, tmp_path: Path) -> None:
    device = describe(make_root(find_core(name), tmp_path))
    assert device.cpu.lower() == f"2x {name}"
    assert ("asimddp" in device.isa, "i8mm" in device.isa) == (
        name in DOT_PRODUCT,
        name in INT8_MATRIX,
    )


def test_midr_of_a_known_machine() -> None:
    # MIDR_EL1 of the Raspberry Pi 4's Cortex-A72 r0p3, as Linux shows it.
    assert find_core("cortex-a72").midr() == 0x410FD083


def test_only_a_checked_model_is_trusted() -> None:
    assert [name for name, core in cores().items() if core.mca_trusted] == ["cortex-a76"]


def test_unknown_core() -> None:
    with pytest.raises(InputError, match="did you mean cortex-a53"):
        find_core("cortexa53")
