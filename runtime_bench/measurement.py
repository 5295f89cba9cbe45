"""One latency measurement as a line of ``results.jsonl``: schema, writing, reading, resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from stats.interval import Interval
from stats.noise import Noise
from zoo.documents import Count, Schema, validated
from zoo.json_lines import append_json_line, json_lines

Kind = Literal["measured", "emulated", "estimated"]
LOCAL = "local"
"""The target that is this machine."""
MOST_THREADS, MOST_CORES, MOST_RUNS = 1024, 4096, 10**8
LONGEST_NS = 10**16
"""Four months: nothing that is timed takes longer."""
HOTTEST = 150.0
"""Degrees Celsius; processors switch themselves off at about 110."""
Threads = Annotated[int, Field(ge=1, le=MOST_THREADS)]
Nanoseconds = Annotated[int, Field(ge=0, le=LONGEST_NS)]
Milliseconds = Annotated[float, Field(ge=0, le=LONGEST_NS / 1e6)]
Percentile = Annotated[float, Field(ge=1e-6, le=LONGEST_NS / 1e6)]
"""Milliseconds, at least a nanosecond, so that a report may take its logarithm."""


def machine_of(host: str | None, device: str) -> str:
    """What to call a device, behind the cluster's ``host`` that took a measurement there, if one
    did."""
    return ", ".join(filter(None, (host, device)))


class Device(Schema):
    """What the measurement ran on. Empty or None: the machine does not say.

    ``isa`` holds only the instruction-set flags that choose int8 and float kernels; ``maximum_mhz``
    is one number a core, in the order of ``/proc/cpuinfo``.
    """

    name: str
    soc: str = ""
    cpu: str = ""
    architecture: str = ""
    isa: tuple[str, ...] = ()
    cores: Count
    maximum_mhz: tuple[float, ...] = ()
    memory_bytes: Count | None = None
    os: str = ""
    kernel: str = ""
    virtualized: bool | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.cpu

    @property
    def identity(self) -> tuple[object, ...]:
        """Alike where it is the same device."""
        return tuple(getattr(self, field) for field in SAME_DEVICE)


SAME_DEVICE = ("name", "soc", "cpu", "architecture", "isa", "cores")
"""Fields of a device that are alike where it is the same one; its system may have changed."""


class DeviceState(Schema):
    """What changes while a device works, taken before and after. Empty: it does not say.

    ``governors`` and ``current_mhz`` hold one entry a core, ``temperatures`` degrees Celsius by
    thermal zone, ``load_average`` the runnable processes of the last minute, ``throttle_events``
    how often the processor was slowed down since it started; ``throttled`` is the device's own
    word on whether it is slowed down now.
    """

    governors: tuple[str, ...] = ()
    current_mhz: tuple[float, ...] = ()
    temperatures: dict[str, float] = Field(default_factory=dict)
    load_average: float | None = None
    battery_percent: float | None = None
    throttle_events: Count | None = None
    throttled: bool | None = None


class LatencySummary(Schema):
    """Milliseconds an inference of batch 1, steady state; intervals 95 %.

    Percentiles are linear between order statistics (``statistics.percentile``). ``cv`` is the
    standard deviation over the mean.
    """

    runs: Count
    p50: Percentile
    p90: Percentile
    p99: Percentile
    p50_interval: Interval
    minimum: Milliseconds
    mean: Milliseconds
    iqr: Milliseconds
    cv: float


class HotBlock(Schema):
    """A straight run of instructions that an emulated inference spent much of itself in.

    ``share`` is of all executed instructions; ``code`` holds one line an instruction: assembly
    where LLVM is installed, else the word in hexadecimal.
    """

    executions: Count
    share: float
    code: tuple[str, ...]


class Counts(Schema):
    """What an emulated run executed for one inference.

    ``instructions`` and ``by_class`` are counts; ``cycles`` is estimated by ``cycle_model``;
    ``hottest`` blocks come the hottest first.
    """

    instructions: Count
    by_class: dict[str, Count] = Field(default_factory=dict)
    cycles: float | None = None
    cycle_model: str = ""
    kernels: tuple[str, ...] = ()
    hottest: tuple[HotBlock, ...] = ()


class Measurement(Schema):
    """One artefact timed (or counted) on one target.

    ``samples_ns`` are the raw steady-state durations in the order they were taken, in rounds of
    ``block_runs``; artefacts with the same ``session`` were interleaved, round by round, so
    ``protocol.ratio`` may compare them. With ``load_rounds``, all of a session's artefacts were
    loaded again, in new processes, before each so many rounds; None: every sample is of one load.
    ``load_ns`` and ``first_run_ns`` hold one duration a fresh load: of the processes that the
    series came from, or where ``cold`` of some that loaded nothing else; ``warmup_runs`` came
    before the samples. ``preparation_ns`` times the pre-processing of one image apart. ``mode``
    names the protocol. ``kind`` is ``measured`` (native), ``emulated`` (counts, no times) or
    ``estimated`` (times from counts by a latency model, ``estimate_interval_ms`` their 95 %
    interval). ``host`` is the cluster's host that took it, by its plan's name; empty without one.
    """

    schema_version: Literal[1] = 1
    type: Literal["latency"] = "latency"
    kind: Kind
    created: str
    artefact: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    format: str
    precision: str | None = None
    variant: str = ""
    target: str
    device: Device
    threads: Threads
    cpu_mask: tuple[Count, ...] | None = None
    runtime: str
    runtime_version: str
    mode: str
    session: str = ""
    interleaved_with: tuple[str, ...] = ()
    block_runs: int | None = Field(default=None, ge=1, le=MOST_RUNS)
    load_rounds: int | None = Field(default=None, ge=1, le=MOST_RUNS)
    load_ns: tuple[Nanoseconds, ...] = ()
    first_run_ns: tuple[Nanoseconds, ...] = ()
    cold: bool = False
    warmup_runs: Count = 0
    warmup_settled: bool | None = None
    samples_ns: tuple[Nanoseconds, ...] = ()
    preparation_ns: tuple[Nanoseconds, ...] = ()
    latency_ms: LatencySummary | None = None
    noise: Noise | None = None
    peak_memory_bytes: Count | None = None
    counts: Counts | None = None
    estimate_interval_ms: Interval | None = None
    state_before: DeviceState | None = None
    state_after: DeviceState | None = None
    note: str = ""
    host: str = ""

    @property
    def machine(self) -> str:
        """The device, behind the cluster's host if one took the measurement."""
        return machine_of(self.host, self.device.title)

    @property
    def key(self) -> MeasurementKey:
        """What ``--resume`` recognises the measurement by."""
        return (self.sha256, self.target, self.threads, self.mode, self.cpu_mask)


MeasurementKey = tuple[str, str, int, str, tuple[int, ...] | None]


def append_measurement(path: Path, measurement: Measurement) -> None:
    """Add one line to ``results.jsonl`` and make sure that it is on the disk.

    Raises:
        InputError: the file cannot be written, or the disk is full.
    """
    append_json_line(path, measurement)


def read_measurements(path: Path) -> list[Measurement]:
    """The latency lines of a ``results.jsonl``, oldest first; none where the file is missing.

    Lines of other types (``evaluation``) are left out.

    Raises:
        InputError: a line is not of this schema; what a killed run left at the end is none.
    """
    advice = "move the file away and measure again"
    measurements = []
    for line in json_lines(path, advice):
        value = line.value()
        if validated(_Typed, value, line.name, advice).type == "latency":
            measurements.append(validated(Measurement, value, line.name, advice))
    return measurements


class _Typed(BaseModel):
    type: str
