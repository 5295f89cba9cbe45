"""Latency of artefacts wherever they run: from a target string to measurements.

``local`` is timed in this process, ssh and adb devices through the runners, and emulated cores are
counted. Whatever the target, measurements are appended to a ``results.jsonl`` as they are made, and
``resume`` takes from there what it already holds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from runtime_bench.emulation.calibration import Calibration
from runtime_bench.emulation.measure import (
    MODE,
    OutputDifference,
    count_artefact,
    emulated_measurement,
    host_outputs,
)
from runtime_bench.interleave import Progress
from runtime_bench.measurement import Measurement, append_measurement, read_measurements
from runtime_bench.modes import Mode
from runtime_bench.protocol import Subject, benchmark_to_file
from runtime_bench.runners.benchmark import benchmark_device_to_file, noise_image
from runtime_bench.runners.build import cached_bundle
from runtime_bench.runners.bundle import Bundle, open_bundle
from runtime_bench.runners.session import check_architecture
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.base import FloatArray
from runtime_bench.targets.address import LocalAddress, parse_target
from runtime_bench.targets.emulated import EmulatedTarget
from runtime_bench.targets.opening import open_target
from zoo.errors import InputError
from zoo.files import sha256_of


@dataclass(frozen=True)
class LatencyRequest:
    """What to time, where and how; the options of ``fbdeploy bench``.

    ``results`` is a results.jsonl to append to; ``cores`` of the device to bind to; ``cool_below``
    degrees Celsius to wait for, on ssh and adb devices; ``calibration`` a file of ``fbdeploy
    calibrate``, on emulated cores; ``runners`` a bundle of ``fbdeploy runner build``, the one in
    the cache if None.
    """

    subjects: tuple[Subject, ...]
    target: str
    threads: tuple[int, ...]
    mode: Mode
    results: Path | None = None
    resume: bool = False
    cores: tuple[int, ...] | None = None
    cool_below: float | None = None
    calibration: Path | None = None
    runners: Path | None = None


def measure_latency(
    request: LatencyRequest, progress: Progress = lambda done: None
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
    address = parse_target(request.target)
    with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
        results = request.results or Path(folder) / "results.jsonl"
        if isinstance(address, LocalAddress):
            _refuse_but(request, "local", ())
            yield from _on_this_machine(request, results, progress)
            return
        bundle = cached_bundle() if request.runners is None else open_bundle(request.runners)
        for subject in request.subjects:
            bundle.files(runtime_of(subject.path).format)  # refuses a format without a runner
        with open_target(request.target) as target:
            check_architecture(target, bundle)
            if isinstance(target, EmulatedTarget):
                _refuse_but(request, "an emulated core", ("calibration", "runners"))
                yield from _emulated(request, results, target, bundle, progress)
                return
            _refuse_but(request, "a device", ("cores", "cool_below", "runners"))
            images = [_image_of(subject.path) for subject in request.subjects]
            for index, count in enumerate(request.threads):
                yield from benchmark_device_to_file(
                    results,
                    target,
                    bundle,
                    request.subjects,
                    images,
                    threads=[count],
                    mode=request.mode,
                    resume=request.resume,
                    cores=request.cores,
                    cool_below=request.cool_below,
                    progress=_part(progress, index, len(request.threads)),
                )


def _refuse_but(request: LatencyRequest, place: str, known: Sequence[str]) -> None:
    """Refuse options that mean nothing on the target rather than leave them out silently."""
    for name in ("cores", "cool_below", "calibration", "runners"):
        if name not in known and getattr(request, name) is not None:
            option = "--" + name.replace("_", "-")
            raise InputError(f"{option}: means nothing on {place}; leave it out")
