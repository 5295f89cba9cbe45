"""Latency of artefacts wherever they run: from a target string to measurements.

``local`` is timed in this process, ssh and adb devices through the runners or inside the app, and
emulated cores are counted. Whatever the target, measurements are appended to a ``results.jsonl`` as
they are made, and ``resume`` takes from there what it already holds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from fbdeploy.apps.latency import AppLatencyRequest, measure_in_app
from runtime_bench.emulation.latency_model import LatencyModel
from runtime_bench.machine.pinning import pinned
from runtime_bench.measurement import LOCAL, Measurement, append_measurement, read_measurements
from runtime_bench.runners.benchmark import benchmark_on_device
from runtime_bench.runners.build import cached_kit
from runtime_bench.runners.emulated import (
    MODE as COUNTED,
)
from runtime_bench.runners.emulated import count_artefact, emulated_measurement
from runtime_bench.runners.kit import RunnerKit, open_kit
from runtime_bench.runners.session import check_architecture
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.outputs import OutputDifference, host_outputs, noise_images
from runtime_bench.targets.address import EmulatedAddress, LocalAddress, parse_target
from runtime_bench.targets.base import Target
from runtime_bench.targets.emulated import EmulatedTarget
from runtime_bench.targets.opening import open_target
from runtime_bench.timing.interleave import PartDone
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.protocol import benchmark
from runtime_bench.timing.resume import append_missing
from runtime_bench.timing.session import Subject
from zoo.documents import read_json, validated
from zoo.errors import InputError

OPTIONS = {
    "cores": "--cores",
    "cool_below": "--cool-below",
    "latency_model": "--latency-model",
    "runners": "--runners",
    "cold": "--cold",
    "prepare": "--photo",
}
"""Fields of a request that not every target takes, and their options."""


class Measure(Protocol):
    """Times some of a request's subjects against each other."""

    def __call__(self, left: Sequence[int], *, threads: int, part: PartDone) -> list[Measurement]:
        """One measurement for each index in ``left``; ``part`` is told the part done, 0 to 1."""


@dataclass(frozen=True)
class LatencyRequest:
    """What to time, where and how; the options of ``fbdeploy bench``.

    ``results`` is a results.jsonl to append to; ``cores`` of the device to bind to; ``cool_below``
    degrees Celsius to wait for; ``latency_model`` a file of ``fbdeploy
    fit-latency``, on emulated cores; ``runners`` a kit of ``fbdeploy runner build``, the one in
    the cache if None; ``app`` whether the Android app on an adb device does the timing; ``cold``
    whether each artefact is loaded alone too, as devices always do; ``prepare`` does the
    pre-processing of one image, which is then timed here.
    """

    subjects: tuple[Subject, ...]
    target: str
    threads: tuple[int, ...]
    mode: Mode
    results: Path | None = None
    resume: bool = False
    cores: tuple[int, ...] | None = None
    cool_below: float | None = None
    latency_model: Path | None = None
    runners: Path | None = None
    app: bool = False
    cold: bool = False
    prepare: Callable[[], object] | None = None


def measure_latency(
    request: LatencyRequest, progress: PartDone = lambda done: None
) -> Iterator[Measurement]:
    """One measurement a thread count and subject, in the order given.

    Args:
        request: what to do.
        progress: called with the part done, in 0..1.

    Raises:
        InputError: what the target's own benchmark raises, or an option that means nothing there.
    """
    if request.resume and request.results is None:
        raise InputError("--resume: goes on from a file; give it with --results FILE")
    if request.app:
        yield from _in_app(request, progress)
        return
    address = parse_target(request.target)
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
        results = request.results or Path(folder) / "results.jsonl"
        if isinstance(address, LocalAddress):
            _check_options(request, "this machine", ("cores", "cool_below", "cold", "prepare"))
            yield from _on_this_machine(request, results, progress)
        elif isinstance(address, EmulatedAddress):
            _check_options(request, "an emulated core", ("latency_model", "runners"))
            model = _model_for(request, address.core.name)
            with _runners_on_target(request) as (target, kit):
                assert isinstance(target, EmulatedTarget)
                yield from _counted(request, results, target, kit, model, progress)
        else:
            _check_options(request, "a device", ("cores", "cool_below", "runners"))
            with _runners_on_target(request) as (target, kit):
                yield from _on_device(request, results, target, kit, progress)


def _in_app(request: LatencyRequest, progress: PartDone) -> Iterator[Measurement]:
    _check_options(request, "the app", ())
    if request.resume:
        raise InputError("--resume: means nothing on the app; leave it out")
    in_app = AppLatencyRequest(
        artefacts=tuple(subject.path for subject in request.subjects),
        target=request.target,
        threads=request.threads,
        mode=request.mode,
        results=request.results,
    )
    yield from measure_in_app(in_app, progress)


def _check_options(request: LatencyRequest, place: str, known: Sequence[str]) -> None:
    """Refuse options that mean nothing on the target rather than leave them out silently."""
    for name, option in OPTIONS.items():
        if name not in known and getattr(request, name) not in (None, False):
            raise InputError(f"{option}: means nothing on {place}; leave it out")


@contextmanager
def _runners_on_target(request: LatencyRequest) -> Iterator[tuple[Target, RunnerKit]]:
    """The open target and the runners for it; what they cannot run is refused at once."""
    with open_target(request.target) as target:
        kit = cached_kit() if request.runners is None else open_kit(request.runners)
        check_architecture(target, kit)
        for subject in request.subjects:
            kit.files(runtime_of(subject.path).format)
        yield target, kit


def _on_this_machine(
    request: LatencyRequest, results: Path, progress: PartDone
) -> Iterator[Measurement]:
    with pinned(request.cores) as mask:
        pass

    def measure(left: Sequence[int], *, threads: int, part: PartDone) -> list[Measurement]:
        return benchmark(
            [request.subjects[index] for index in left],
            threads=threads,
            mode=request.mode,
            cores=request.cores,
            cool_below=request.cool_below,
            cold=request.cold,
            prepare=request.prepare,
            progress=part,
        )

    yield from _appended(request, results, LOCAL, mask, measure, progress)


def _on_device(
    request: LatencyRequest, results: Path, target: Target, kit: RunnerKit, progress: PartDone
) -> Iterator[Measurement]:
    images = [noise_images(subject.path, size=subject.input_size) for subject in request.subjects]
    mask = None if request.cores is None else tuple(sorted(request.cores))

    def measure(left: Sequence[int], *, threads: int, part: PartDone) -> list[Measurement]:
        return benchmark_on_device(
            target,
            kit,
            [request.subjects[index] for index in left],
            [images[index] for index in left],
            threads=threads,
            mode=request.mode,
            cores=request.cores,
            cool_below=request.cool_below,
            progress=part,
        )

    yield from _appended(request, results, target.name, mask, measure, progress)


def _appended(
    request: LatencyRequest,
    results: Path,
    target: str,
    mask: tuple[int, ...] | None,
    measure: Measure,
    progress: PartDone,
) -> Iterator[Measurement]:
    """One measurement a thread count and subject, those that are not known appended to a file.

    With ``cold`` only what was loaded cold is known.
    """
    known = read_measurements(results) if request.resume else []
    known = [one for one in known if one.cold or not request.cold]
    hashes = [subject.sha256() for subject in request.subjects]
    for index, count in enumerate(request.threads):
        keys = [(digest, target, count, request.mode.name, mask) for digest in hashes]
        part = _part(progress, index, len(request.threads))
        yield from append_missing(results, keys, known, partial(measure, threads=count, part=part))


def _counted(
    request: LatencyRequest,
    results: Path,
    target: EmulatedTarget,
    kit: RunnerKit,
    model: LatencyModel | None,
    progress: PartDone,
) -> Iterator[Measurement]:
    known = read_measurements(results) if request.resume else []
    jobs = [(count, subject) for count in request.threads for subject in request.subjects]
    for index, (threads, subject) in enumerate(jobs):
        key = (subject.sha256(), target.name, threads, COUNTED, None)
        done = [one for one in known if one.key == key and is_by(one, model)]
        if done:
            yield done[-1]
        else:
            images = noise_images(subject.path, size=subject.input_size)
            emulation = count_artefact(target, kit, subject.path, images, threads=threads)
            difference = OutputDifference.between(
                emulation.outputs, host_outputs(subject.path, images)
            )
            measurement = emulated_measurement(
                emulation,
                target,
                subject.path,
                precision=subject.precision,
                variant=subject.variant,
                latency_model=model,
                notes=[difference.describe(subject.precision)],
            )
            append_measurement(results, measurement)
            yield measurement
        progress((index + 1) / len(jobs))


def is_by(measurement: Measurement, model: LatencyModel | None) -> bool:
    """Whether a counted line was estimated by this latency model, or by none."""
    if model is None:
        return measurement.kind == "emulated"
    return measurement.kind == "estimated" and model.describe() in measurement.note


def _model_for(request: LatencyRequest, core: str) -> LatencyModel | None:
    if request.latency_model is None:
        return None
    model = read_latency_model(request.latency_model)
    if model.core != core:
        raise InputError(f"{request.latency_model}: is for arm://{model.core}; give that --target")
    if request.threads != (1,):
        raise InputError("--latency-model: cycles of several threads overlap; give --threads 1")
    return model


def read_latency_model(path: Path) -> LatencyModel:
    """A file of ``fbdeploy fit-latency``.

    Raises:
        InputError: it cannot be read, or is another file.
    """
    advice = "give a file that fbdeploy fit-latency wrote"
    return validated(LatencyModel, read_json(path, advice), str(path), advice)


def _part(progress: PartDone, index: int, count: int) -> PartDone:
    return lambda done: progress((index + done) / count)
