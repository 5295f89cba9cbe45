"""Drives the Android app's benchmark mode over adb (``bench --target adb://SERIAL --app``)."""

from __future__ import annotations

import re
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fbdeploy.apps.results import AppResults, parse_app_results
from zoo.errors import InputError

PACKAGE = "dev.fbdeploy.demo"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
RESULTS_FOLDER = "files/results"


@dataclass(frozen=True)
class AppBenchRequest:
    """What the app times: a model of its bundle (``format-precision``) on CPU threads.

    It ends when both ``iterations`` runs and ``seconds`` of them are done; the warm-up likewise
    with ``warmup`` and ``warmup_seconds``.
    """

    model: str
    iterations: int = 100
    seconds: float = 0.0
    warmup: int = 10
    warmup_seconds: float = 0.0
    threads: int = 4


Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise InputError(
            f"{command[0]}: is not installed; install Android's platform-tools (adb)"
        ) from None
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{' '.join(command)}: gave no answer in 60 s; check the phone's connection"
        ) from None


def bench_app(
    serial: str,
    request: AppBenchRequest,
    *,
    timeout_seconds: float = 600,
    adb: str = "adb",
    run: Run = _run,
    sleep: Callable[[float], None] = time.sleep,
) -> AppResults:
    """Start the app's BenchmarkActivity, wait for its result, and fetch and validate that.

    The file is then removed from the phone.

    Args:
        serial: the phone, as ``adb devices`` names it.
        request: what to time.
        timeout_seconds: how long the run may take.
        adb: the adb program.
        run: runs a command; replaceable for tests.
        sleep: waits between looks; replaceable for tests.

    Raises:
        InputError: no adb, no such phone, the app is not installed or not debuggable, the app
            reported an error, the time ran out, or a result outside the schema.
    """
    shell = [adb, "-s", serial, "shell"]
    name = uuid.uuid4().hex
    started = run([*shell, *start_arguments(request, name)])
    if started.returncode != 0 and not started.stdout.strip():
        # Only adb itself says nothing on stdout: the phone was not reached.
        reason = started.stderr.strip().removeprefix("error: ")
        raise InputError(
            f"adb://{serial}: {reason}; fbdeploy bench --list-targets shows what is reachable"
        )
    said = started.stdout + started.stderr
    if started.returncode != 0 or "Error" in said:
        lines = [text.strip() for text in said.splitlines() if text.strip()]
        reason = next((text for text in lines if text.startswith("Error:")), lines[-1])
        raise InputError(
            f"adb://{serial}: the demo app did not start ({reason}); "
            "install android_demo's debug build on this phone"
        )
    waited = 0.0
    while waited <= timeout_seconds:
        fetched = run([*shell, "run-as", PACKAGE, "cat", f"{RESULTS_FOLDER}/{name}.json"])
        if fetched.returncode == 0 and fetched.stdout.strip():
            run([*shell, "run-as", PACKAGE, "rm", f"{RESULTS_FOLDER}/{name}.json"])
            return parse_app_results(fetched.stdout, f"adb://{serial}")
        failed = run([*shell, "run-as", PACKAGE, "cat", f"{RESULTS_FOLDER}/{name}.error"])
        if failed.returncode == 0 and failed.stdout.strip():
            raise InputError(f"adb://{serial}: the demo app failed: {failed.stdout.strip()}")
        if "not debuggable" in fetched.stderr or "unknown package" in fetched.stderr:
            raise InputError(
                f"adb://{serial}: {fetched.stderr.strip()}; install android_demo's debug build"
            )
        sleep(1.0)
        waited += 1.0
    raise InputError(
        f"adb://{serial}: no result after {timeout_seconds:g} s; "
        "give fewer iterations, and keep the screen on"
    )


def start_arguments(request: AppBenchRequest, name: str) -> list[str]:
    """The ``am start`` command; ``name`` is that of the result file.

    Raises:
        InputError: a model name that is none.
    """
    # It passes through the phone's shell.
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", request.model):
        raise InputError(f"{request.model}: is no model of a demo bundle; give one like onnx-int8")
    numbers: dict[str, int | float] = {
        "iterations": request.iterations,
        "seconds": request.seconds,
        "warmup": request.warmup,
        "warmup_seconds": request.warmup_seconds,
        "threads": request.threads,
    }
    extras = []
    for key, value in numbers.items():
        extras += ["--ef" if isinstance(value, float) else "--ei", key, str(value)]
    texts = ["--es", "model", request.model, "--es", "name", name]
    return ["am", "start", "-W", "-S", "-n", ACTIVITY, *texts, *extras]
