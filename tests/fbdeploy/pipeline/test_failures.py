"""Steps that fail lose nothing that is finished, and are told."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from fbdeploy.pipeline.deploy import deploy
from fbdeploy.pipeline.running import PipelineError
from fbdeploy.records.manifest import read_manifest
from runtime_bench.measurement import Measurement
from tests.fbdeploy.fake_stages import STAGES
from tests.fbdeploy.pipeline.bench import EVERYTHING, TRAINED, Bench, Notes, bench
from zoo.errors import InputError

__all__ = ["bench"]


def test_training_that_crashes_is_nobody_elses_loss(bench: Bench) -> None:
    bench.plan(train="crash")
    done = bench.run(builds=TRAINED)
    assert not done.complete
    assert bench.files() == EVERYTHING
    (failure,) = done.manifest.failures
    assert (failure.build, failure.step) == ("int8-qat", "train")
    assert (bench.out / failure.log).exists()
    bench.plan()
    bench.calls()
    again = bench.run(builds=TRAINED)
    assert again.complete
    assert "quantize" not in bench.calls()
    assert bench.files() == EVERYTHING | {"int8-qat/model.executorch", "int8-qat/model.onnx"}


def test_training_that_was_given_bad_input_ends_the_run(bench: Bench) -> None:
    bench.plan(train="input")
    with pytest.raises(InputError, match=r"^train: bad input; correct it$"):
        bench.run(builds=TRAINED)


@pytest.mark.parametrize("action", ["crash", "die", "input"])
def test_one_format_that_fails_does_not_lose_the_others(bench: Bench, action: str) -> None:
    bench.plan(onnx_int8=action)
    done = bench.run()
    assert not done.complete
    assert bench.files() == EVERYTHING - {"int8/model.onnx"}
    (failure,) = done.manifest.failures
    assert (failure.format, failure.precision, failure.step) == ("onnx", "int8", "export")
    assert "\n" not in failure.message
    assert (bench.out / failure.log).exists()
    if action == "die":
        assert "SIGSEGV" in failure.message
        assert "last words" in (bench.out / failure.log).read_text()
    assert "onnx" in (bench.out / "report.html").read_text().lower()
    bench.plan()
    bench.calls()
    again = bench.run()
    assert again.complete and again.manifest.failures == ()
    assert [call for call in bench.calls() if call.startswith("export")] == ["export onnx int8"]


def test_a_failure_a_stage_reports_is_told_once(bench: Bench) -> None:
    bench.plan(onnx_fp32="reported")
    notes = Notes()
    done = bench.run(notes)
    assert not done.complete
    (failure,) = done.manifest.failures
    assert failure.message == "has no such kernel"
    assert failure.log == ".fbdeploy/logs/export-onnx.log" and (bench.out / failure.log).exists()
    assert sum("no such kernel" in text for text in notes.texts) == 1


@pytest.mark.parametrize("step", ["evaluate onnx", "bench"])
def test_a_measurement_that_fails_keeps_the_artefacts(bench: Bench, step: str) -> None:
    bench.plan(**{step.replace(" ", "_"): "crash"})
    done = bench.run()
    assert not done.complete
    assert len(done.manifest.artefacts) == 4
    assert [failure.step for failure in done.manifest.failures] == [step.split()[0]]


def test_an_artefact_that_does_not_equal_its_reference_is_not_complete(bench: Bench) -> None:
    bench.plan(parity=False)
    done = bench.run()
    assert not done.complete
    assert {entry.log for entry in done.manifest.artefacts} == {
        ".fbdeploy/logs/export-executorch.log",
        ".fbdeploy/logs/export-onnx.log",
    }
    # Nothing is timed, packed or recommended.
    assert not [line for line in done.lines if isinstance(line, Measurement)]
    assert not any("demo_bundle" in name for name in bench.files())
    assert "Nothing to ship yet" in (bench.out / "report.html").read_text()


@pytest.mark.parametrize("artefacts_only", [False, True])
@pytest.mark.parametrize("precision", ["int8", "int8-qat"])
def test_a_program_far_from_float_is_complete_only_where_that_is_accepted(
    bench: Bench, precision: Any, artefacts_only: bool
) -> None:
    bench.plan(faithful=False)
    asked = bench.request(builds=("fp32", precision))
    done = deploy(asked, Notes(), STAGES, artefacts_only=artefacts_only)
    assert not done.complete
    assert "4.9 dB" in (bench.out / "report.html").read_text()
    assert not deploy(asked, Notes(), STAGES, artefacts_only=artefacts_only).complete  # from disk
    accepted = asked.model_copy(update={"accept_low_fidelity": True})
    assert deploy(accepted, Notes(), STAGES, artefacts_only=artefacts_only).complete
    assert "4.9 dB" in (bench.out / "report.html").read_text()


@pytest.mark.parametrize("step", ["prepare", "reference"])
def test_bad_input_ends_the_run(bench: Bench, step: str) -> None:
    bench.plan(**{step: "input"})
    with pytest.raises(InputError, match=f"^{step}: bad input; correct it$"):
        bench.run()


def test_bad_input_at_the_start_leaves_nothing(bench: Bench) -> None:
    bench.plan(prepare="input")
    with pytest.raises(InputError):
        bench.run()
    assert bench.files() == set()


def test_a_crash_at_the_start_names_its_log(bench: Bench) -> None:
    bench.plan(prepare="crash")
    with pytest.raises(PipelineError, match=r"^RuntimeError: prepare went wrong \(.*\.log\)"):
        bench.run()


def test_a_full_disk_ends_the_run_and_keeps_what_is_finished(bench: Bench) -> None:
    bench.plan(onnx_int8="full")
    with pytest.raises(InputError, match="no room"):
        bench.run()
    assert "fp32/model.onnx" in {entry.path for entry in read_manifest(bench.out).artefacts}
    assert not list(bench.out.rglob("*partial*"))


def test_too_little_room_is_said_before_anything_is_exported(bench: Bench) -> None:
    bench.plan(parameters=10**15)
    with pytest.raises(InputError, match=r"no space left: \d+ MB free, about \d+ MB needed"):
        bench.run()
    assert not any(call.startswith("export") for call in bench.calls())


def test_a_finished_program_is_kept_where_room_runs_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills while the program is made: the next run goes on with it."""
    bench.plan(parameters=10**6)
    usage = shutil.disk_usage(bench.folder)
    free = iter([10**9, 10**6])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=next(free, 10**9)))
    with pytest.raises(InputError, match=r"no space left: 1 MB free, about 11 MB needed"):
        bench.run()
    assert bench.calls() == ["prepare", "quantize"]
    assert bench.run().complete
    assert "quantize" not in bench.calls()


def test_room_for_the_program_is_asked_for_before_it_is_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.plan(parameters=10**6)
    usage = shutil.disk_usage(bench.folder)
    # Two formats of 4 + 1 bytes a weight fit, the graph and the program of 4 + 5 do not.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=12 * 10**6))
    with pytest.raises(InputError, match=r"no space left: 12 MB free, about 20 MB needed"):
        bench.run()
    assert not bench.out.exists()
