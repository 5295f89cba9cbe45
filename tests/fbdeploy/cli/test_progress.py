"""What is said while a deployment runs: lines, nothing, everything, and the file that gets it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fbdeploy.cli.options import TellingOptions
from fbdeploy.cli.progress import DeployProgress, Telling, _Remaining
from fbdeploy.pipeline.workers.jobs import Ended, Failed, Job, Note, Progress
from zoo.errors import InputError


def _job() -> Job:
    return Job(name="export-onnx", title="onnx", function="m:f", arguments={}, memory=1)


def _run(telling: Telling) -> None:
    with DeployProgress(telling) as progress:
        job = _job()
        progress.started(job)
        for event in (
            Progress(step="fp32", done=0.1),
            Progress(step="fp32", done=0.5),
            Progress(step="int8", done=0.1),
            Note(text="look"),
            Ended(peak_bytes=1_500_000_000),
        ):
            progress.event(job, event)


def test_lines_and_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    _run(Telling())
    look, job, total = capsys.readouterr().err.splitlines()
    assert look == "look" and re.fullmatch(r"onnx: 0\.\d s, 1\.5 GB", job)
    assert total.startswith("total: ")


def test_everything_with_its_steps_once(capsys: pytest.CaptureFixture[str]) -> None:
    _run(Telling(verbose=True))
    said = capsys.readouterr().err.splitlines()
    assert said[:4] == ["onnx: begins", "onnx: fp32", "onnx: int8", "look"]


def test_nothing_but_the_file_has_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "run.log"
    log.write_text("before\n")
    _run(Telling(quiet=True, log=log))
    assert capsys.readouterr().err == ""
    with pytest.raises(InputError), DeployProgress(Telling(quiet=True, log=log)):
        raise InputError("no\nimages")
    before, *lines, last = log.read_text().splitlines()
    assert before == "before" and all(re.match(r"\d{4}-\d\d-\d\dT\S+ ", line) for line in lines)
    texts = [line.partition(" ")[2] for line in lines]
    assert texts[:4] == ["onnx: begins", "onnx: fp32", "onnx: int8", "look"]
    assert texts[-1].startswith("total: ") and last.endswith(" ended: no images")


def test_a_vital_job_s_failure_is_said_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with DeployProgress() as progress:
        job = _job().model_copy(update={"vital": True})
        progress.started(job)
        progress.event(job, Failed(message="no", cause="input"))
    (total,) = capsys.readouterr().err.splitlines()
    assert total.startswith("total: ")


def test_all_and_nothing_contradict_each_other() -> None:
    with pytest.raises(InputError, match="--quiet: contradicts --verbose"):
        _ = TellingOptions(quiet=True, verbose=True).telling


def test_what_is_left_is_told_when_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.progress import Progress as Bars

    monkeypatch.setattr("fbdeploy.cli.progress.time.monotonic", lambda: 130.0)
    bars = Bars()
    shown = _Remaining()

    def told(since: float | None, done: float) -> str:
        bars.add_task("x", total=1.0, completed=done, since=since)
        return shown.render(bars.tasks[-1]).plain

    # A quarter in 30 seconds: three times as long is left.
    assert told(100.0, 0.25).replace("\N{NO-BREAK SPACE}", " ") == "1 min 30 s left"
    assert told(None, 0.5) == told(128.0, 0.5) == told(100.0, 0.01) == told(100.0, 1.0) == ""
