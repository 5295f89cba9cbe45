"""The command itself: how it ends, and how it goes on after it was interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.pipeline.workers.descendants import children_of
from fbdeploy.records.manifest import read_manifest
from tests.fbdeploy.pipeline.bench import EVERYTHING, Bench, bench, wait_for
from zoo.errors import InputError

__all__ = ["bench"]

SCRIPT = """
import signal
import sys
# A shell that starts the tests in the background hands on an ignored SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)
from fbdeploy.cli import app
import fbdeploy.api.deploy_request as asking
import fbdeploy.pipeline.deploy as pipeline
from tests.fbdeploy.fake_stages import STAGES
real = pipeline.deploy
# The command imports the pipeline when it needs it.
pipeline.deploy = lambda request, observer, **more: real(request, observer, STAGES, **more)
# The network and its images are as made up as the stages.
asking.look_at_network = asking.look_at_images = lambda *_: None
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


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_goes_on(bench: Bench, sign: signal.Signals) -> None:
    bench.plan(onnx_int8="wait")
    process = _start(bench)
    wait_for(lambda: (bench.folder / "waiting").exists() and len(_finished(bench)) == 3)
    workers = children_of(process.pid)
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
    wait_for(lambda: not any(Path("/proc", str(pid)).exists() for pid in workers))
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
    assert errors.splitlines()[-1] == "fbdeploy: prepare: bad input; correct it"
