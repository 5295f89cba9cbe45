from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runtime_bench.timing.fresh_process import FreshProcess, RenewedProcess, run_alone
from runtime_bench.timing.session import Subject
from tests.runtime_bench.artefacts import Artefacts
from zoo.errors import InputError

TIMED = ("executorch", "torchscript", "onnx", "litert")


def test_artefacts_share_a_process_until_it_is_renewed(artefacts: Artefacts) -> None:
    process = RenewedProcess([Subject(artefacts(name, "int8")) for name in TIMED], 1)
    try:
        numbers = []
        for order in ([0, 1, 2, 3], [3, 2, 0, 1]):
            process.renew(order)
            assert process._process is not None
            numbers.append(process._process._process._process.pid)
            for contestant in process.contestants:
                durations = contestant.run_block(3)
                assert len(durations) == 3 and min(durations) > 0
        assert len(set(numbers)) == 2
        with pytest.raises(ProcessLookupError):
            os.kill(numbers[0], 0)
    finally:
        process.close()
    assert [len(loads) for loads in process.loads] == [2] * 4
    assert all(load.load_ns > 0 and load.first_run_ns > 0 for one in process.loads for load in one)
    with pytest.raises(RuntimeError, match="not loaded"):
        process.contestants[0].run_block(1)


def test_an_artefact_alone_tells_its_memory(artefacts: Artefacts) -> None:
    run = run_alone(Subject(artefacts("litert", "fp32")), 1)
    assert run.load.load_ns > 0 and run.load.first_run_ns > 0
    assert run.peak_memory_bytes is not None and 10_000 < run.peak_memory_bytes < 100_000_000


def test_what_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "it's broken.onnx"
    path.write_bytes(b"not onnx")
    with pytest.raises(InputError, match=r"it's broken\.onnx: ONNX Runtime cannot load it"):
        run_alone(Subject(path), 1)


def test_a_process_that_crashes_is_told(artefacts: Artefacts) -> None:
    path = artefacts("onnx", "fp32")
    process = FreshProcess([Subject(path)], 1)
    try:
        process.load(0)
        os.kill(process._process._process.pid, signal.SIGSEGV)
        with pytest.raises(InputError, match=r"could not run it \(exit code -11\)"):
            process.run(0, 1)
    finally:
        process.close()


def test_what_runtimes_print_is_no_answer(
    tmp_path: Path, artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = artefacts("onnx", "fp32")
    (tmp_path / "onnxruntime.py").write_text(
        "import os\nos.write(1, b'loading\\n')\nraise ImportError('it is a fake')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot be imported \(it is a fake\); pip install"):
        run_alone(Subject(path), 1)


def test_files_called_like_our_packages_do_not_take_their_place(
    tmp_path: Path, artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stats", "zoo", "tasks", "quantize", "export", "runtime_bench"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError\n")
    path = artefacts("onnx", "fp32")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run_alone(Subject(path), 1).load.first_run_ns > 0
