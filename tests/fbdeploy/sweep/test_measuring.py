"""What a sweep's worker does on real targets: this machine, an emulated core, and a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import BaseModel

from fbdeploy.records.manifest import Artefact
from fbdeploy.sweep.measuring import MeasureArguments, Refused, measure
from runtime_bench.measurement import Measurement
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.targets.base import TargetError
from runtime_bench.timing.modes import MODES, Mode
from tests.runtime_bench.artefacts import Artefacts
from tests.runtime_bench.device_fixtures import cache, kit, need_llvm
from tests.runtime_bench.targets.board import SERIAL, Board
from tests.runtime_bench.targets.conftest import board, network
from zoo.files import sha256_of

__all__ = ["board", "cache", "kit", "network"]
SHORT = Mode("short", 10, 0.001, 0.001, 1.0, loads=1, warmup_seconds=0.1, block_seconds=0.005)


class Kept:
    """A reporter that keeps what it is given."""

    def __init__(self) -> None:
        self.timed: list[Measurement] = []
        self.refused: list[Refused] = []

    def progress(self, step: str, done: float) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def result(self, value: BaseModel) -> None:
        if isinstance(value, Measurement):
            self.timed.append(value)
        else:
            assert isinstance(value, Refused)
            self.refused.append(value)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setitem(MODES, "short", SHORT)


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    return Artefacts(tmp_path_factory.mktemp("artefacts"))


def _entry(path: Path, form: str, precision: str) -> dict[str, Any]:
    entry = Artefact(
        key="k",
        format=form,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        path=path.name,
        sha256=sha256_of(path),
        bytes=path.stat().st_size,
        runtime=form,
        runtime_version="1",
        seconds=0.0,
    )
    return entry.model_dump(mode="json")


def _measure(
    artefacts: Artefacts, target: dict[str, Any], formats: tuple[str, ...], **changes: Any
) -> Kept:
    kept = Kept()
    entries = [_entry(artefacts(form, "int8"), form, "int8") for form in formats]
    arguments = {
        "folder": str(artefacts(formats[0], "int8").parent),
        "target": target,
        "mode": "short",
        "threads": [1],
        "artefacts": entries,
        "sessions": {},
        **changes,
    }
    measure(kept, MeasureArguments.model_validate(arguments))
    return kept


def test_this_machine_is_timed_for_every_thread_count(artefacts: Artefacts) -> None:
    formats = ("onnx", "litert")
    kept = _measure(artefacts, {"address": "local"}, formats, threads=[1, 2])
    assert [(one.threads, one.format) for one in kept.timed] == [
        (count, form) for count in (1, 2) for form in formats
    ]
    for one in kept.timed:
        assert not Path(one.artefact).is_absolute() and one.latency_ms is not None
        assert one.target == "local" and one.precision == "int8"


def test_sessions_that_are_there_are_left_out(artefacts: Artefacts) -> None:
    known = [sha256_of(artefacts("onnx", "int8")), "another"]
    kept = _measure(
        artefacts, {"address": "local"}, ("onnx",), threads=[1, 2], sessions={"1": [known]}
    )
    assert [one.threads for one in kept.timed] == [2]


def test_an_emulated_core_is_counted(kit: RunnerKit, artefacts: Artefacts) -> None:
    need_llvm()
    kept = _measure(artefacts, {"address": "arm://cortex-a76"}, ("executorch",))
    (one,) = kept.timed
    assert one.kind == "emulated" and one.counts is not None and one.counts.by_class["sdot"] > 0
    assert one.note == "outputs equal this machine's"


def test_a_device_that_is_not_there_is_an_error(kit: RunnerKit, artefacts: Artefacts) -> None:
    with pytest.raises(TargetError, match=r"ssh://nobody@127\.0\.0\.1:1: cannot be reached"):
        _measure(artefacts, {"address": "ssh://nobody@127.0.0.1:1"}, ("onnx",))


def test_a_phone_without_python_runs_what_it_can(
    board: Board, kit: RunnerKit, artefacts: Artefacts
) -> None:
    board.start_adbd()
    kept = _measure(artefacts, {"address": f"adb://{SERIAL}"}, ("litert", "executorch"))
    (refused,) = kept.refused
    assert refused.format == "litert" and "no python3 there" in refused.reason
    (one,) = kept.timed
    assert (one.format, one.kind, one.note) == (
        *("executorch", "measured", "outputs equal this machine's"),
    )
