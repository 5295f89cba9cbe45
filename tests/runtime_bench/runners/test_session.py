"""Runners on an emulated core, spoken to as on any device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from runtime_bench.runners.benchmark import clock_drop
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runners.session import stage_artefact
from runtime_bench.targets.base import Target, TargetError
from runtime_bench.targets.local import LocalTarget
from runtime_bench.targets.opening import open_target
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import CLASSES, Artefacts, images
from zoo.errors import InputError


@pytest.fixture
def target(kit: RunnerKit) -> Iterator[Target]:
    with open_target("arm://cortex-a76") as opened:
        yield opened


@pytest.mark.parametrize("format_name", ["executorch", "onnx"])
def test_commands(target: Target, kit: RunnerKit, artefacts: Artefacts, format_name: str) -> None:
    session = stage_artefact(
        target, kit, artefacts(format_name, "int8"), images(3), threads=1
    ).start()
    served = session.served
    assert served.version == kit.manifest.runtimes[served.runtime]
    assert (served.inputs, list(served.outputs.values())) == (images(1).size, [(1, CLASSES)])
    assert served.load_ns > 0 and served.first_ns > 0
    samples = session.run_block(7)
    assert len(samples) == 7 and min(samples) > 0
    outputs = logits_of(session.outputs())
    assert outputs.shape == (3, CLASSES) and np.ptp(outputs, axis=0).max() > 0
    assert session.peak_memory_bytes() > 1 << 20
    session.close()


@pytest.mark.parametrize("suffix", [".pte", ".onnx"])
def test_a_broken_model(target: Target, kit: RunnerKit, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"it's broken{suffix}"
    path.write_bytes(b"not a model" * 100)
    with pytest.raises(TargetError, match=r"^arm://cortex-a76: ") as caught:
        stage_artefact(target, kit, path, images(1), threads=1).start()
    assert "\n" not in str(caught.value)


def test_an_input_of_another_size(target: Target, kit: RunnerKit, artefacts: Artefacts) -> None:
    with pytest.raises(TargetError, match="not a multiple of the model's input"):
        stage_artefact(
            target, kit, artefacts("onnx", "fp32"), images(1)[:, :, :-1], threads=1
        ).start()


def test_a_command_that_does_not_exist_ends_the_runner(
    target: Target, kit: RunnerKit, artefacts: Artefacts
) -> None:
    session = stage_artefact(target, kit, artefacts("onnx", "fp32"), images(1), threads=1).start()
    with pytest.raises(TargetError, match="unknown command dance"):
        session._ask("dance", "samples")
    session.close()


def test_emulated_cores_are_not_bound_to(
    target: Target, kit: RunnerKit, artefacts: Artefacts
) -> None:
    with pytest.raises(InputError, match="cannot be bound to"):
        stage_artefact(
            target, kit, artefacts("onnx", "fp32"), images(1), threads=1, cores=[0]
        ).start()


def test_torchscript_needs_a_python_with_torch(
    target: Target, kit: RunnerKit, artefacts: Artefacts
) -> None:
    with pytest.raises(TargetError, match="the emulated Python has no torch"):
        stage_artefact(target, kit, artefacts("torchscript", "fp32"), images(1), threads=1).start()


def test_another_architecture(kit: RunnerKit, artefacts: Artefacts) -> None:
    class Board(LocalTarget):
        def architecture(self) -> str:
            return "armv7l"

    board = Board("ssh://old")
    with pytest.raises(TargetError, match="is armv7l, the runners are for aarch64"):
        stage_artefact(board, kit, artefacts("onnx", "fp32"), images(1), threads=1).start()
    board.cleanup()


def test_counting_is_for_emulated_targets(
    kit: RunnerKit, artefacts: Artefacts, tmp_path: Path
) -> None:
    class Board(LocalTarget):
        def architecture(self) -> str:
            return "arm64"

    board = Board("ssh://new")
    with pytest.raises(InputError, match="counted on arm:// targets only"):
        stage_artefact(
            board, kit, artefacts("onnx", "fp32"), images(1), threads=1, counts=tmp_path / "c"
        ).start()
    board.cleanup()


def test_falling_clocks_are_told() -> None:
    assert clock_drop([]) == ()
    assert clock_drop([1_800_000, 1_790_000]) == ()
    assert clock_drop([1_800_000, 900_000]) == ("the core's clock fell from 1800 to 900 MHz",)
