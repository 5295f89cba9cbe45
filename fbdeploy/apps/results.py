"""Benchmark results of the two apps: the schema, its checks, and their way into results.jsonl."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from fbdeploy.records.builds import Build
from fbdeploy.records.bundle_schema import AppFormat
from fbdeploy.records.fields import Sha256
from fbdeploy.records.manifest import Artefact, read_manifest
from fbdeploy.records.results import FILE_NAME as RESULTS_NAME
from runtime_bench.measurement import (
    LONGEST_NS,
    MOST_CORES,
    MOST_RUNS,
    Device,
    DeviceState,
    Measurement,
    Threads,
    append_measurement,
    read_measurements,
)
from runtime_bench.timing.session import latency_summary
from stats.disturbance import judge_noise
from zoo.documents import JSON_BYTES, Count, Schema, parse_json, read_bytes, validated
from zoo.errors import InputError

SCHEMA_VERSION = 1
# The apps compute in float64 like us; only the printing of the numbers may differ.
PERCENTILE_TOLERANCE_MS = 1e-6
FEWEST_FOR_NOISE = 3
THERMAL_LIMIT = 2
"""PowerManager.THERMAL_STATUS_MODERATE; ProcessInfo.ThermalState.serious on iOS."""

ADVICE = "give a result file that a demo app wrote"

Milliseconds = Annotated[float, Field(ge=1e-6, le=LONGEST_NS / 1e6)]
"""At least a nanosecond."""
Cores = Annotated[int, Field(ge=1, le=MOST_CORES)]


class AppDevice(Schema):
    """The phone. ``core_max_khz`` has one value a core where the kernel tells."""

    manufacturer: str
    model: str
    os_version: str
    abi: str
    cores: Cores
    core_max_khz: tuple[Count, ...] = ()


class AppDeviceState(Schema):
    """The phone before or after a run; null where the system does not tell.

    ``thermal_status``: Android 0 (none) to 6 (shutdown), iOS 0 (nominal) to 3 (critical).
    """

    thermal_status: Annotated[int, Field(ge=0, le=6)] | None
    battery_percent: Annotated[int, Field(ge=0, le=100)] | None
    charging: bool | None
    power_save: bool | None


class AppPercentiles(Schema):
    """Of the raw latencies, by linear interpolation as numpy's default."""

    p50: Milliseconds
    p90: Milliseconds
    p99: Milliseconds


class AppGolden(Schema):
    """How the phone's own answers compare with golden.json.

    ``top_equal`` counts images that every output is answered as Python does: the same ranking, a
    mask of which no more pixels differ than may, or detections that are no further apart than may
    be. ``logit_max_abs`` is the largest difference of an output, 0 of a detector's, which are not
    compared by their places.
    """

    images: Count
    pixel_max_abs: Count
    tensor_max_abs: Annotated[float, Field(ge=0)]
    logit_max_abs: Annotated[float, Field(ge=0)]
    top_equal: Count


class AppRun(Schema):
    """One model timed on one backend; ``latencies_ms`` are raw and in order.

    ``precision`` is that of the bundle's model; bundles of schema version 1 told builds there.
    ``prepare_ms`` is the median of making the model's input of a golden picture.
    """

    model: str
    sha256: Sha256
    format: AppFormat
    precision: Build
    backend: str
    backend_version: str
    compute_units: Literal["cpuOnly", "cpuAndGPU", "cpuAndNeuralEngine", "all"] | None
    threads: Threads | None
    warmup: Count
    iterations: Annotated[int, Field(ge=1, le=MOST_RUNS)]
    load_ms: Annotated[float, Field(ge=0, le=LONGEST_NS / 1e6)]
    prepare_ms: Annotated[float, Field(ge=0, le=LONGEST_NS / 1e6)] | None = None
    latencies_ms: tuple[Milliseconds, ...]
    latency_ms: AppPercentiles
    golden: AppGolden
    before: AppDeviceState
    after: AppDeviceState

    @model_validator(mode="after")
    def _consistent(self) -> AppRun:
        if len(self.latencies_ms) != self.iterations:
            raise ValueError(f"{len(self.latencies_ms)} latencies for {self.iterations} iterations")
        expected = np.percentile(self.latencies_ms, (50, 90, 99))
        stated = (self.latency_ms.p50, self.latency_ms.p90, self.latency_ms.p99)
        if np.abs(expected - stated).max() > PERCENTILE_TOLERANCE_MS:
            raise ValueError("latency_ms does not follow from latencies_ms")
        if self.golden.top_equal > self.golden.images:
            raise ValueError("more golden images agree than there are")
        return self


class AppResults(Schema):
    """The document an app writes. ``started_at`` is UTC, ISO 8601."""

    schema_version: Literal[1]
    app: str
    platform: Literal["android", "ios"]
    started_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
    network: str
    device: AppDevice
    runs: Annotated[tuple[AppRun, ...], Field(min_length=1)]


def read_app_results(path: Path) -> AppResults:
    """Read and validate a result file.

    Raises:
        InputError: unreadable, not JSON, or outside the schema; the field is named.
    """
    return parse_app_results(read_bytes(path, ADVICE, JSON_BYTES), str(path))


def parse_app_results(content: bytes | str, name: str) -> AppResults:
    """Validate a result document; ``name`` stands for it in errors.

    Raises:
        InputError: not JSON, or outside the schema; the field is named.
    """
    advice = "run the benchmark again with the app of this fbdeploy"
    return validated(AppResults, parse_json(content, name, ADVICE), name, advice)


def import_results(path: Path, folder: Path) -> list[Measurement]:
    """Append an app's results to an output folder's ``results.jsonl``.

    A run that is already there is not added twice.

    Args:
        path: the file an app wrote.
        folder: the output folder whose bundle the app ran.

    Returns:
        The measurements of the file's runs, added or already there.

    Raises:
        InputError: the file is bad, or a run's model is not an artefact of the folder.
    """
    return add_results(read_app_results(path), folder, str(path))


def add_results(
    results: AppResults, folder: Path, name: str, target: Path | None = None
) -> list[Measurement]:
    """``import_results`` for a document that was read; ``name`` stands for it in errors.

    ``target`` is the file to append to, the folder's ``results.jsonl`` if None.

    Raises:
        InputError: a run's model is not an artefact of the folder.
    """
    artefacts = {artefact.sha256: artefact for artefact in read_manifest(folder).artefacts}
    measurements = []
    for run in results.runs:
        artefact = artefacts.get(run.sha256)
        if artefact is None:
            raise InputError(
                f"{name}: timed a model {run.model} that {folder} does not hold "
                f"(SHA-256 {run.sha256[:12]}...); install this folder's bundle and run again"
            )
        measurements.append(_measurement(results, run, artefact))
    target = target or folder / RESULTS_NAME
    known = {measurement.model_dump_json() for measurement in read_measurements(target)}
    for measurement in measurements:
        if measurement.model_dump_json() not in known:
            append_measurement(target, measurement)
    return measurements


def _measurement(results: AppResults, run: AppRun, artefact: Artefact) -> Measurement:
    device = results.device
    samples = [round(value * 1e6) for value in run.latencies_ms]
    where = run.compute_units or run.backend
    return Measurement(
        kind="measured",
        created=results.started_at,
        artefact=artefact.path,
        sha256=artefact.sha256,
        format=artefact.format,
        precision=artefact.precision,
        variant=artefact.variant,
        target=f"app://{results.platform}/{device.model}/{where}",
        device=Device(
            name=f"{device.manufacturer} {device.model}",
            architecture=device.abi,
            cores=device.cores,
            maximum_mhz=tuple(value / 1000 for value in device.core_max_khz),
            os=f"{results.platform} {device.os_version}",
        ),
        # Core ML does not tell how many threads it takes; it may take every core.
        threads=run.threads or device.cores,
        runtime=run.backend,
        runtime_version=run.backend_version,
        mode="app",
        load_ns=(round(run.load_ms * 1e6),),
        warmup_runs=run.warmup,
        samples_ns=tuple(samples),
        latency_ms=latency_summary(samples),
        noise=judge_noise(samples) if len(samples) >= FEWEST_FOR_NOISE else None,
        state_before=_state(run.before),
        state_after=_state(run.after),
        note="; ".join(_notes(results, run)),
    )


def _state(state: AppDeviceState) -> DeviceState:
    status = state.thermal_status
    return DeviceState(
        battery_percent=state.battery_percent,
        throttled=None if status is None else status >= THERMAL_LIMIT,
    )


def _notes(results: AppResults, run: AppRun) -> list[str]:
    notes = [f"{results.app} {run.model}"]
    if run.prepare_ms is not None:
        notes.append(f"{run.prepare_ms:.2f} ms to prepare a picture")
    if run.threads is None:
        notes.append("threads chosen by the runtime")
    if max(state.thermal_status or 0 for state in (run.before, run.after)) >= THERMAL_LIMIT:
        notes.append("the phone was throttling")
    if run.before.power_save or run.after.power_save:
        notes.append("power saving was on")
    if run.golden.top_equal < run.golden.images:
        differ = run.golden.images - run.golden.top_equal
        notes.append(f"{differ} of {run.golden.images} golden images answered differently")
    return notes
