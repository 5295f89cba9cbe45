"""A runner that serves one artefact on a target; the host tells it when to run."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from runtime_bench.runners.kit import NATIVE_RUNNERS, PYTHON_MODULES, PYTHON_RUNNER, RunnerKit
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.ports import FloatArray
from runtime_bench.targets.base import LineProcess, Target, TargetError
from runtime_bench.targets.emulated import EmulatedTarget
from zoo.errors import InputError
from zoo.files import sha256_of

START_TIMEOUT = 300.0  # seconds to load a model and run it once, emulated ones included
BLOCK_TIMEOUT = 600.0
INPUT, OUTPUT = "input.bin", "output.bin"
ARCHITECTURES = {"arm64": "aarch64", "armv8l": "aarch64"}


@dataclass(frozen=True)
class Served:
    """What a runner said when it had loaded: runtime, version, elements of the input, the outputs'
    shapes by name in order, times in ns."""

    runtime: str
    version: str
    threads: int
    inputs: int
    outputs: dict[str, tuple[int, ...]]
    load_ns: int
    first_ns: int


class RunnerSession:
    """A runner process with a loaded artefact."""

    def __init__(self, process: LineProcess, target: Target, served: Served) -> None:
        self._process, self._target = process, target
        self.served = served
        # Clock of the core in kHz after each block, where the device tells it.
        self.clocks: list[int] = []

    def run_block(self, runs: int) -> list[int]:
        """Durations in nanoseconds of ``runs`` runs in a row.

        Raises:
            InputError: the runner failed; ``TargetLost`` if the device is gone.
        """
        answer = self._ask(f"run {runs}", "samples")
        if answer["khz"]:
            self.clocks.append(int(answer["khz"]))
        return [int(duration) for duration in answer["ns"]]

    def outputs(self) -> dict[str, FloatArray]:
        """The outputs of all staged images by name, in order, float32 (N, ...)."""
        self._ask("outputs", "outputs")
        with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
            path = Path(folder) / OUTPUT
            self._target.fetch(OUTPUT, path)
            values: FloatArray = np.fromfile(path, np.float32)
        # Of each image in turn all outputs in order.
        shapes = self.served.outputs.values()
        rows = values.reshape(-1, sum(math.prod(shape) for shape in shapes))
        ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
        return {
            name: np.ascontiguousarray(part).reshape(len(rows), *shape[1:])
            for part, (name, shape) in zip(
                np.split(rows, ends, axis=1), self.served.outputs.items(), strict=True
            )
        }

    def peak_memory_bytes(self) -> int:
        """The largest resident memory of the runner so far."""
        return int(self._ask("memory", "memory")["peak_rss_kib"]) * 1024

    def close(self) -> None:
        """End the runner; never raises."""
        self._process.close()

    def _ask(self, command: str, event: str) -> dict[str, Any]:
        self._process.send(command)
        return _answer(self._process, event, BLOCK_TIMEOUT)


def _answer(process: LineProcess, event: str, timeout: float) -> dict[str, Any]:
    """The next answer of kind ``event``; what runtimes print on stdout is passed over."""
    while True:
        line = process.read_line(timeout)
        if not line.startswith('{"event"'):
            continue
        answer: dict[str, Any] = json.loads(line)
        if answer["event"] != event:
            raise TargetError(f"runner: answered {answer['event']} instead of {event}")
        return answer


def check_architecture(target: Target, kit: RunnerKit) -> None:
    """Refuse a device that the kit's programs do not run on.

    Raises:
        TargetError: of another architecture.
    """
    machine = target.architecture()
    if ARCHITECTURES.get(machine, machine) != kit.manifest.architecture:
        raise TargetError(
            f"{target.name}: is {machine}, the runners are for {kit.manifest.architecture}; "
            "choose another target (local measures this machine without runners)"
        )


@dataclass(frozen=True)
class StagedArtefact:
    """An artefact that is on a target with its runner and images, ready to be started."""

    target: Target
    start_process: Callable[[], LineProcess]

    def start(self) -> RunnerSession:
        """Start the runner and load the artefact.

        Raises:
            InputError: a model that cannot be loaded, or the device is gone.
        """
        process = self.start_process()
        try:
            load = _answer(process, "load", START_TIMEOUT)
            first = _answer(process, "first", START_TIMEOUT)
        except InputError:
            process.close()
            raise
        served = Served(
            runtime=load["runtime"],
            version=load["version"],
            threads=load["threads"],
            inputs=load["inputs"],
            outputs={output["name"]: tuple(output["shape"]) for output in load["outputs"]},
            load_ns=load["ns"],
            first_ns=first["ns"],
        )
        return RunnerSession(process, self.target, served)


def stage_artefact(
    target: Target,
    kit: RunnerKit,
    artefact: Path,
    images: FloatArray,
    *,
    threads: int,
    cores: Sequence[int] | None = None,
    counts: Path | None = None,
) -> StagedArtefact:
    """Put an artefact with its runner and images on a target.

    Args:
        target: where.
        kit: the runners for the target's architecture.
        artefact: a .pte, .onnx, .tflite or .pt file.
        images: float32 (N, 3, H, W), run one after the other in turn.
        threads: of the runtime.
        cores: to bind to (``taskset``); None leaves the process free.
        counts: where an emulated target's instruction counter writes.

    Raises:
        InputError: a format without a runner, another architecture, no room on the device, or the
            device is gone.
    """
    check_architecture(target, kit)
    if cores is not None and isinstance(target, EmulatedTarget):
        raise InputError(
            f"{target.name}: an emulated core cannot be bound to; leave the cores away"
        )
    format_name = runtime_of(artefact).format
    # Named by its hash: no name of the user's can trouble the device, and equal files go once.
    model = f"{sha256_of(artefact)[:16]}{artefact.suffix}"
    files = kit.files(format_name)
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
        input_file = Path(folder) / INPUT
        np.ascontiguousarray(images, np.float32).tofile(input_file)
        target.stage({**files, model: artefact, INPUT: input_file})
    argv = [*runner_command(target, format_name), "--model", model, "--input", INPUT]
    argv += ["--output", OUTPUT, "--threads", str(threads)]
    if format_name in PYTHON_MODULES:
        argv += ["--shape", ",".join(str(size) for size in (1, *images.shape[1:]))]
    if cores is not None:
        argv = ["taskset", f"{sum(1 << core for core in cores):x}", *argv]
    if counts is None:
        return StagedArtefact(target, partial(target.start, argv))
    if not isinstance(target, EmulatedTarget):
        raise InputError(f"{target.name}: instructions are counted on arm:// targets only")
    start = partial(target.start_counted, [*argv, "--mark"], counts, threads)
    return StagedArtefact(target, start)


def runner_command(target: Target, format_name: str) -> list[str]:
    """The command that starts a format's runner in the target's work folder.

    Raises:
        TargetError: the device has no Python that the runner needs.
    """
    if format_name in NATIVE_RUNNERS:
        loader = ["./lib/ld-linux-aarch64.so.1", "--library-path", "lib"]
        return [*loader, NATIVE_RUNNERS[format_name].program]
    return [*target.python(PYTHON_MODULES[format_name]), PYTHON_RUNNER]
