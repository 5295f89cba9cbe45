"""The pipeline with stages that need no network: resuming, failing, and leaving nothing half."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.pipeline.deploy import Deployed, PipelineError, deploy
from fbdeploy.pipeline.lock import locked
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.workers.jobs import Event, Job
from fbdeploy.records.manifest import read_manifest
from fbdeploy.records.predictions import FOLDER
from fbdeploy.records.results import EvaluationLine, Line, read_lines, summarize
from runtime_bench.measurement import Measurement
from tests.fbdeploy.fake_stages import STAGES
from zoo.errors import InputError


class Notes:
    """An observer that keeps what is said."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.peaks: list[int | None] = []

    def started(self, job: Job) -> None:
        pass

    def event(self, job: Job, event: Event) -> None:
        if event.type == "note":
            self.texts.append(event.text)
        if event.type == "ended":
            self.peaks.append(event.peak_bytes)

    def note(self, text: str) -> None:
        self.texts.append(text)


class Bench:
    """A folder in which deployments run, with a plan of what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.weights = folder / "weights"
        self.weights.write_text("first")
        self.plan()

    def plan(self, **steps: Any) -> None:
        named = {name.replace("_", " "): action for name, action in steps.items()}
        (self.folder / "plan.json").write_text(json.dumps(named))

    def calls(self) -> list[str]:
        """What was called since the last look."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(lines)

    def request(self, **changes: Any) -> DeployRequest:
        return DeployRequest(
            **{
                "network": "net",
                "weights": str(self.weights),
                "data": "d",
                "calibration": "c",
                "formats": ("executorch", "onnx"),
                "precisions": ("fp32", "int8"),
                "recipe": "ptq",
                "output": self.out,
                **changes,
            }
        )

    def run(self, notes: Notes | None = None, **changes: Any) -> Deployed:
        return deploy(self.request(**changes), notes or Notes(), STAGES)

    def files(self) -> set[str]:
        """What a user sees in the output folder; ``predictions`` tells of that folder's."""
        found = (p.relative_to(self.out) for p in self.out.rglob("*") if p.is_file())
        shown = (p for p in found if not p.parts[0].startswith(".") and p.parts[0] != FOLDER)
        return {p.as_posix() for p in shown}

    def predictions(self) -> set[str]:
        """The files in the folder of predictions."""
        return {path.relative_to(self.out).as_posix() for path in (self.out / FOLDER).iterdir()}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("FAKE_PLAN", str(tmp_path / "plan.json"))
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", str(root))
    yield Bench(tmp_path)


EVERYTHING = {
    "manifest.json",
    "results.jsonl",
    "report.html",
    "fp32/model.executorch",
    "fp32/model.onnx",
    "int8/model.executorch",
    "int8/model.onnx",
    "demo_bundle/model_config.json",
}


def test_everything_is_made_and_joined(bench: Bench) -> None:
    notes = Notes()
    done = bench.run(notes)
    assert done.complete
    assert bench.files() == EVERYTHING
    assert read_manifest(bench.out) == done.manifest
    assert read_lines(bench.out) == done.lines
    names = [entry.name for entry in done.manifest.artefacts]
    assert names == ["executorch fp32", "executorch int8", "onnx fp32", "onnx int8"]
    rows = summarize(done.manifest, done.lines)
    assert [row.latency_ms.p50 for row in rows if row.latency_ms] == [1.0, 2.0, 3.0, 4.0]
    assert all(row.top1 == 0.75 for row in rows)
    assert "one image is left out" in notes.texts
    assert all(peak and 10e6 < peak < 1e9 for peak in notes.peaks)
    log = (bench.out / ".fbdeploy/logs/prepare.log").read_text()
    assert log == "a library that prints on stdout\n"


def test_a_second_run_makes_nothing_again(bench: Bench) -> None:
    first = bench.run()
    bench.calls()
    second = bench.run()
    assert bench.calls() == ["prepare", "reference"]
    assert second.manifest.artefacts == first.manifest.artefacts
    assert second.manifest.created == first.manifest.created
    assert second.lines == first.lines


def test_only_what_depends_on_a_changed_recipe_is_made_again(bench: Bench) -> None:
    bench.run()
    bench.calls()
    done = bench.run(recipe="other")
    assert bench.calls() == [
        "bench",
        "evaluate executorch int8",
        "evaluate onnx int8",
        "export executorch int8",
        "export onnx int8",
        "prepare",
        "quantize",
        "reference",
    ]
    assert done.manifest.quantizations["int8"].recipe.name == "other"
    assert len(done.manifest.artefacts) == 4


def test_artefacts_only_ends_when_they_are_made(bench: Bench) -> None:
    done = deploy(bench.request(), Notes(), STAGES, artefacts_only=True)
    assert done.complete and done.lines == []
    assert not set(bench.calls()) & {"reference", "bundle", "bench"}
    assert bench.files() == {
        name for name in EVERYTHING if "results" not in name and "bundle" not in name
    }
    assert bench.run().manifest.artefacts == done.manifest.artefacts


def test_skipping_a_pass_makes_other_artefacts(bench: Bench) -> None:
    first = bench.run()
    second = bench.run(skip_passes=("clipped_gate",))
    keys = [{entry.key for entry in done.manifest.artefacts} for done in (first, second)]
    assert len(keys[0]) == len(keys[1]) == 4 and not keys[0] & keys[1]


def test_a_precision_that_a_format_has_not_is_left_out(bench: Bench) -> None:
    done = bench.run(formats=("torchscript", "onnx"), precisions=("fp32", "fp16"))
    names = [entry.name for entry in done.manifest.artefacts]
    assert names == ["torchscript fp32", "onnx fp32", "onnx fp16"]
    bench.calls()
    bench.run(formats=("torchscript", "onnx"), precisions=("fp32", "fp16"))
    assert bench.calls() == ["prepare", "reference"]


def test_other_weights_leave_nothing_of_the_old_ones(bench: Bench) -> None:
    bench.run()
    bench.weights.write_text("second")
    done = bench.run(formats=("onnx",), precisions=("fp32",))
    assert [entry.name for entry in done.manifest.artefacts] == ["onnx fp32"]
    assert done.manifest.quantizations == {}
    assert bench.files() == {
        "manifest.json",
        "results.jsonl",
        "report.html",
        "fp32/model.onnx",
        "demo_bundle/model_config.json",
    }


def test_artefacts_that_were_not_asked_for_this_time_stay(bench: Bench) -> None:
    bench.run(formats=("onnx",))
    done = bench.run(formats=("executorch",), precisions=("fp32",))
    names = [entry.name for entry in done.manifest.artefacts]
    assert names == ["executorch fp32", "onnx fp32", "onnx int8"]


TRAINED = ("fp32", "int8", "int8-qat")


def test_training_starts_from_the_int8_program_and_is_not_repeated(bench: Bench) -> None:
    done = bench.run(precisions=TRAINED)
    assert done.complete
    calls = bench.calls()
    assert calls.count("quantize") == calls.count("train") == 1
    names = [entry.name for entry in done.manifest.artefacts if entry.format == "onnx"]
    assert names == ["onnx fp32", "onnx int8", "onnx int8-qat"]
    keys = {p: q.key for p, q in done.manifest.quantizations.items()}
    assert set(keys) == {"int8", "int8-qat"} and keys["int8"] != keys["int8-qat"]
    assert read_manifest(bench.out) == done.manifest
    again = bench.run(precisions=TRAINED)
    assert bench.calls() == ["prepare", "reference"]
    assert again.manifest.artefacts == done.manifest.artefacts
    fewer = bench.run()  # what was not asked for this time stays
    assert fewer.manifest.artefacts == done.manifest.artefacts


def test_another_recipe_trains_again(bench: Bench) -> None:
    first = bench.run(precisions=TRAINED)
    bench.calls()
    done = bench.run(precisions=("int8-qat",), recipe="other")
    calls = bench.calls()
    assert {"quantize", "train", "export onnx int8-qat"} <= set(calls)
    assert "export onnx int8" not in calls
    before, after = (m.quantizations["int8-qat"].key for m in (first.manifest, done.manifest))
    assert before != after


def test_training_that_crashes_is_nobody_elses_loss(bench: Bench) -> None:
    bench.plan(train="crash")
    done = bench.run(precisions=TRAINED)
    assert not done.complete
    assert bench.files() == EVERYTHING
    (failure,) = done.manifest.failures
    assert (failure.precision, failure.step) == ("int8-qat", "train")
    assert (bench.out / failure.log).exists()
    bench.plan()
    bench.calls()
    again = bench.run(precisions=TRAINED)
    assert again.complete
    assert "quantize" not in bench.calls()
    assert bench.files() == EVERYTHING | {"int8-qat/model.executorch", "int8-qat/model.onnx"}


def test_training_that_was_given_bad_input_ends_the_run(bench: Bench) -> None:
    bench.plan(train="input")
    with pytest.raises(InputError, match=r"^train: bad input; mend it$"):
        bench.run(precisions=TRAINED)


def test_a_damaged_artefact_is_made_again(bench: Bench) -> None:
    bench.run()
    bench.calls()
    (bench.out / "int8/model.onnx").write_text("damaged")
    bench.run()
    assert "export onnx int8" in bench.calls()
    assert (bench.out / "int8/model.onnx").read_text() != "damaged"


def _named(lines: list[Line]) -> list[str | None]:
    return [line.predictions for line in lines if isinstance(line, EvaluationLine)]


def test_predictions_are_kept_as_long_as_they_are_of_use(bench: Bench) -> None:
    first = bench.run()
    assert len(_named(first.lines)) == 4 and set(_named(first.lines)) == bench.predictions()
    other_images = bench.run(data="e")
    assert len(bench.predictions()) == 8
    again = bench.run()  # what was scored before is not scored again
    assert again.lines == other_images.lines
    bench.plan(identity="changed")  # the same folder, and an image of it is another
    changed = bench.run()
    assert bench.predictions() == set(_named(changed.lines)[-8:])
    bench.weights.write_text("second")
    done = bench.run()
    assert bench.predictions() == set(_named(done.lines)[-4:])


def test_an_evaluation_without_its_predictions_is_made_again(bench: Bench) -> None:
    done = bench.run()
    bench.calls()
    before = bench.predictions()
    lost = _named(done.lines)[0]
    assert lost is not None
    (bench.out / lost).unlink()
    results = bench.out / "results.jsonl"
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    of_old = next(line for line in reversed(lines) if line["type"] == "evaluation")
    del of_old["predictions"]  # as an fbdeploy that kept none wrote it
    results.write_text("".join(json.dumps(line) + "\n" for line in lines))
    again = bench.run()
    assert len([call for call in bench.calls() if call.startswith("evaluate")]) == 2
    assert bench.predictions() == before
    assert len(again.lines) == len(done.lines) + 2
    assert [row.top1 for row in summarize(again.manifest, again.lines)] == [0.75] * 4


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
    asked = bench.request(precisions=("fp32", precision))
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
    with pytest.raises(InputError, match=f"^{step}: bad input; mend it$"):
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


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: cannot mount a small file system")
def test_a_really_full_folder(bench: Bench) -> None:
    bench.out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(bench.out)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("not root enough to mount, as in some containers")
    try:
        (bench.out / "filler").write_bytes(bytes(52 * 1024))
        with pytest.raises(InputError, match="cannot be written") as caught:
            bench.run()
        assert str(bench.out) in str(caught.value)
        assert not list(bench.out.rglob("*partial*"))
    finally:
        subprocess.run(["umount", str(bench.out)], check=True)


def test_an_output_that_cannot_be_a_folder(bench: Bench) -> None:
    bench.out.write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        bench.run()


def test_two_do_not_write_at_once(bench: Bench) -> None:
    with (
        locked(bench.out),
        pytest.raises(InputError, match=rf"another fbdeploy \(process {os.getpid()}\)"),
    ):
        bench.run()
    assert bench.run().complete


SCRIPT = """
import signal
import sys
# A shell that starts the tests in the background hands on an ignored SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
from fbdeploy.cli import app
import fbdeploy.cli.deploy as command
from fbdeploy.pipeline.deploy import deploy
from tests.fbdeploy.fake_stages import STAGES
command.run = lambda request, observer, **more: deploy(request, observer, STAGES, **more)
# The network and its images are as made up as the stages.
command.look_at_network = command.look_at_images = lambda *_: None
sys.exit(app.run(sys.argv[1:]))
"""


def _start(bench: Bench, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, "deploy", "net", "--weights", str(bench.weights)]
    command += ["--data", "d", "--calibration", "c", "--formats", "executorch,onnx"]
    return subprocess.Popen(
        [*command, "--output", str(bench.out), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _children(pid: int) -> list[str]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.split()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_goes_on(bench: Bench, sign: signal.Signals) -> None:
    bench.plan(onnx_int8="wait")
    process = _start(bench)
    _wait_for(lambda: (bench.folder / "waiting").exists() and len(_finished(bench)) == 3)
    workers = _children(process.pid)
    assert workers
    process.send_signal(sign)
    _, errors = process.communicate(timeout=120)
    if sign == signal.SIGKILL:
        assert process.returncode == -sign
    else:
        assert process.returncode == 130
        assert errors.splitlines()[-1].startswith("fbdeploy: interrupted; the same command")
        assert "Traceback" not in errors
        assert not list(bench.out.rglob("*partial*"))
    _wait_for(lambda: not any(Path("/proc", pid).exists() for pid in workers))
    bench.plan()
    bench.calls()
    done = bench.run()
    assert done.complete
    assert [call for call in bench.calls() if call.startswith("export")] == ["export onnx int8"]
    assert bench.files() == EVERYTHING
    assert not list(bench.out.rglob("*partial*"))


def _finished(bench: Bench) -> tuple[Any, ...]:
    try:
        return read_manifest(bench.out).artefacts
    except InputError:
        return ()


def _wait_for(condition: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_json_is_the_manifest_with_results(bench: Bench) -> None:
    process = _start(bench, "--json", "--precisions", "int8")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    document = json.loads(output)
    results = document.pop("results")
    assert document == json.loads((bench.out / "manifest.json").read_text())
    assert [(row["format"], row["precision"]) for row in results] == [
        ("executorch", "int8"),
        ("onnx", "int8"),
    ]
    wanted = {"format", "precision", "bytes", "top1", "agreement", "parity_max_abs"}
    wanted |= {"latency_ms", "threads", "int8_share"}
    assert wanted <= results[0].keys()
    assert set(results[0]["latency_ms"]) == {"p50", "p90", "p99"}


def test_a_failure_is_exit_1_and_bad_input_exit_2(bench: Bench) -> None:
    bench.plan(onnx_int8="crash")
    process = _start(bench)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "ONNX int8 export failed: RuntimeError: onnx int8 went wrong" in output
    bench.plan(prepare="input")
    process = _start(bench)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert output == ""
    assert errors.splitlines()[-1] == "fbdeploy: prepare: bad input; mend it"


def test_a_manifest_of_another_schema_is_refused(bench: Bench) -> None:
    bench.run()
    path = bench.out / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(InputError, match="schema_version 99"):
        bench.run()


def test_a_copied_folder_goes_on(bench: Bench) -> None:
    bench.run()
    bench.calls()
    shutil.move(bench.out, bench.folder / "moved")
    bench.run(output=bench.folder / "moved")
    assert bench.calls() == ["prepare", "reference"]
