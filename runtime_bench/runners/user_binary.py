"""The user's own ``benchmark_model`` or ``executor_runner`` on a device: run it, read what it says.

These are the runtimes' own tools, built by the user for the device. What they print is repeated
here as it is: they warm up and stop by their own rules, run one artefact after the other, and
benchmark_model tells no single runs, so none of it enters a results.jsonl or a comparison.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from runtime_bench.machine.commands import last_line
from runtime_bench.measurement import LONGEST_NS, Device, DeviceState
from runtime_bench.targets.base import Target, TargetError
from runtime_bench.targets.emulated import EmulatedTarget
from runtime_bench.timing.modes import Mode
from zoo.errors import InputError
from zoo.files import sha256_of

MODEL = "model"
# executor_runner does not warm up, so its first runs are not counted.
WARMUP_RUNS = 10
TIMEOUT = 600.0  # seconds


@dataclass(frozen=True)
class Timings:
    """What a tool printed, milliseconds; None: it does not say. ``samples`` are single runs."""

    runs: int
    median: float | None
    mean: float
    minimum: float | None
    maximum: float | None
    load: float | None
    first_run: float | None
    samples: tuple[float, ...] = ()


@dataclass(frozen=True)
class ToolReport:
    """One artefact timed by the user's tool on one target."""

    artefact: str
    sha256: str
    tool: str
    binary_sha256: str
    target: str
    device: Device
    threads: int
    cores: tuple[int, ...] | None
    timings_ms: Timings
    state_before: DeviceState
    state_after: DeviceState


@dataclass(frozen=True)
class Tool:
    """A known tool: its name, its command line for a model, and how its output is read."""

    name: str
    arguments: Callable[[str, int, Mode], list[str]]
    read: Callable[[str], Timings]


def run_tool_on(
    target: Target,
    binary: Path,
    artefact: Path,
    *,
    threads: int,
    mode: Mode,
    cores: Sequence[int] | None = None,
) -> ToolReport:
    """Send the binary and an artefact to a device, run it there and read what it prints.

    Args:
        target: this machine, ssh or adb.
        binary: benchmark_model for a .tflite, executor_runner for a .pte, built for the device.
        artefact: the file.
        threads: of the runtime.
        mode: gives the fewest runs and seconds.
        cores: to bind to (``taskset``).

    Raises:
        InputError: another kind of artefact or target, a binary that is no program, that cannot
            run there or prints something else.
    """
    tool = TOOLS.get(artefact.suffix)
    if tool is None:
        known = ", ".join(f"{one.name} for {suffix}" for suffix, one in TOOLS.items())
        raise InputError(f"{artefact}: no known tool runs it; --binary takes {known}")
    if isinstance(target, EmulatedTarget):
        raise InputError(f"{target.name}: --binary measures time, which an emulated core has none")
    if not (binary.is_file() and os.access(binary, os.X_OK)):
        raise InputError(f"--binary {binary}: is no program; give {tool.name}, and chmod +x it")
    model = f"{MODEL}{artefact.suffix}"
    target.stage({tool.name: binary, model: artefact})
    argv = [f"./{tool.name}", *tool.arguments(model, threads, mode)]
    if cores is not None:
        argv = ["taskset", f"{sum(1 << core for core in cores):x}", *argv]
    before = target.device_state()
    done = target.run(argv, TIMEOUT)
    said = done.stdout + "\n" + done.stderr
    if done.returncode:
        what = last_line(said, f"ended with code {done.returncode}")
        raise TargetError(f"{target.name}: {tool.name}: {what}; is it built for this device?")
    return ToolReport(
        artefact=str(artefact),
        sha256=sha256_of(artefact),
        tool=tool.name,
        binary_sha256=sha256_of(binary),
        target=target.name,
        device=target.device(),
        threads=threads,
        cores=None if cores is None else tuple(sorted(cores)),
        timings_ms=read_timings(tool, said),
        state_before=before,
        state_after=target.device_state(),
    )


def read_timings(tool: Tool, said: str) -> Timings:
    """What ``tool`` printed; it may be any program.

    Raises:
        InputError: it printed something else, or numbers that are no times.
    """
    try:
        found = tool.read(said)
    except (ValueError, KeyError, ArithmeticError) as error:
        if isinstance(error, InputError):
            raise
        raise _not_understood(tool.name, said) from error
    optional = (found.median, found.minimum, found.maximum, found.load, found.first_run)
    times = (found.mean, *found.samples, *(time for time in optional if time is not None))
    if found.runs < 1 or not all(0 <= time <= LONGEST_NS / 1e6 for time in times):
        raise _not_understood(tool.name, said)
    return found


def benchmark_model_arguments(model: str, threads: int, mode: Mode) -> list[str]:
    """TensorFlow Lite's options (tensorflow/lite/tools/benchmark/README.md)."""
    return [
        f"--graph={model}",
        f"--num_threads={threads}",
        "--use_xnnpack=true",
        f"--num_runs={mode.minimum_runs}",
        f"--min_secs={mode.minimum_seconds:g}",
        f"--max_secs={mode.maximum_seconds + mode.warmup_seconds:g}",
        f"--warmup_min_secs={mode.warmup_seconds:g}",
    ]


def read_benchmark_model(said: str) -> Timings:
    """The last ``count=... median=...`` line (older versions have no median) and ``Init``.

    Raises:
        InputError: there are no such lines.
    """
    counts = re.findall(r"^.*\bcount=\d+ .*$", said, re.MULTILINE)
    summary = re.search(r"[Ii]nference timings in us: (.*)$", said, re.MULTILINE)
    if not counts or not summary:
        raise _not_understood("benchmark_model", said)
    fields = dict(re.findall(r"(\w+)=([\d.e+]+)", counts[-1]))
    totals = dict(re.findall(r"([A-Z][\w ()]*?): ([\d.e+]+)", summary[1]))

    def milliseconds(values: dict[str, str], key: str) -> float | None:
        return float(values[key]) / 1e3 if key in values else None

    return Timings(
        runs=int(fields["count"]),
        median=milliseconds(fields, "median"),
        mean=float(fields["avg"]) / 1e3,
        minimum=milliseconds(fields, "min"),
        maximum=milliseconds(fields, "max"),
        load=milliseconds(totals, "Init"),
        first_run=milliseconds(totals, "First inference"),
    )


def executor_runner_arguments(model: str, threads: int, mode: Mode) -> list[str]:
    """ExecuTorch's options (examples/portable/executor_runner)."""
    runs = WARMUP_RUNS + mode.minimum_runs
    return [f"--model_path={model}", f"--cpu_threads={threads}", f"--num_executions={runs}"]


def read_executor_runner(said: str) -> Timings:
    """The ``Iteration I of N: T ms`` lines without warm-up; older versions print only the total.

    Raises:
        InputError: there are no such lines.
    """
    total = re.search(r"executed successfully (\d+) time\(s\) in ([\d.e+]+) ms", said)
    if total is None:
        raise _not_understood("executor_runner", said)
    load = re.search(r"Model loaded in ([\d.e+]+) ms", said)
    every = [float(time) for time in re.findall(r"Iteration \d+ of \d+: ([\d.e+]+) ms", said)]
    steady = every[WARMUP_RUNS:]
    runs, milliseconds = int(total[1]), float(total[2])
    return Timings(
        runs=len(steady) or runs,
        median=median(steady) if steady else None,
        mean=fmean(steady) if steady else milliseconds / runs,
        minimum=min(steady, default=None),
        maximum=max(steady, default=None),
        load=float(load[1]) if load else None,
        first_run=every[0] if every else None,
        samples=tuple(steady),
    )


def _not_understood(tool: str, said: str) -> InputError:
    return InputError(
        f"--binary: did not print what {tool} does (its last line: {last_line(said, 'none')}); "
        f"is it {tool}?"
    )


TOOLS = {
    ".tflite": Tool("benchmark_model", benchmark_model_arguments, read_benchmark_model),
    ".pte": Tool("executor_runner", executor_runner_arguments, read_executor_runner),
}
