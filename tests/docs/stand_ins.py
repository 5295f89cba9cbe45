"""What takes minutes in the documented commands, done in no time.

Jobs run in this process. That of ``prepare`` opens the network, the images and the recipe as they
were asked for, and quantizes nothing; the others write small files in the place of artefacts.
Timing on this machine says that every run took a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from export.format_info import format_of
from fbdeploy.cli import sensitivity as sensitivity_command
from fbdeploy.latency import measure as latency
from fbdeploy.pipeline import deploy
from fbdeploy.pipeline.known import Quantized
from fbdeploy.pipeline.sensitivity import SensitivityRequest
from fbdeploy.pipeline.steps import prepare as preparing
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments
from fbdeploy.pipeline.steps.images import calibration_images, check_images, dataset_info
from fbdeploy.pipeline.steps.opening import (
    open_network,
    requested_network,
    requested_recipe,
)
from fbdeploy.pipeline.workers.errors import failure_of
from fbdeploy.pipeline.workers.jobs import Ended, Failed, Job, Reporter
from fbdeploy.pipeline.workers.runner import Listener, Outcome
from fbdeploy.pipeline.workers.worker import LineReporter, call
from fbdeploy.records.sensitivity import SensitivityDocument
from fbdeploy.sweep import run as sweeping
from runtime_bench.measurement import Device, Measurement
from runtime_bench.runtimes import profiling
from runtime_bench.runtimes.profiling import OperatorTime, Profile
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.session import Subject, latency_summary
from tests.fbdeploy import fake_stages
from tests.fbdeploy.fake_measurements import measure
from tests.fbdeploy.samples import TIME, sample_sensitivity
from zoo import counting
from zoo.dataset_names import SCENES, SCENES_FEW
from zoo.datasets import open_pictures
from zoo.errors import InputError


class HereAndNow:
    """A ``Runner`` without processes."""

    def __init__(self, logs: Path) -> None:
        pass

    def run(self, jobs: Sequence[Job], listener: Listener) -> Outcome:
        outcome = Outcome()
        for job in jobs:
            listener.started(job)
            end = _done(job, listener)
            listener.event(job, end)
            if isinstance(end, Ended):
                outcome.ended[job.name] = end
            else:
                outcome.failed[job.name] = end
                if job.vital:
                    break
        return outcome


def _done(job: Job, listener: Listener) -> Ended | Failed:
    try:
        call(job, LineReporter(lambda message: listener.event(job, message)))
    except InputError as error:
        return failure_of(error)
    return Ended(peak_bytes=None)


def prepare(report: Reporter, asked: preparing.PrepareArguments) -> None:
    request = asked.request
    requested_recipe(request)
    network = requested_network(request)
    images = check_images(request, network)
    data = dataset_info(request, request.check_images, len(images), request.images)
    report.result(preparing._prepared(request, network, "0" * 64, "key", data))
    if {"int8", "int8-qat"} & set(request.builds):
        assert len(calibration_images(request, network))
        made = fake_stages._quantization(request, f"program {request.recipe}")
        report.result(Quantized(program="ptq", quantization=made))


def count(module: nn.Module, shape: Sequence[int]) -> counting.Counts:
    """As ``zoo.counting.count``, without running the network."""
    parameters = sum(one.numel() for one in module.parameters())
    return counting.Counts(parameters, 1_000_000, parameters, 1_000_000)


def evaluate(report: Reporter, asked: EvaluateArguments) -> None:
    """Those of classifiers alone are made up."""
    data = asked.request.data or ""
    if data not in (SCENES, SCENES_FEW) and not (Path(data) / "masks").exists():
        fake_stages.evaluate(report, asked)


STAGES = replace(fake_stages.STAGES, prepare=prepare, evaluate=evaluate)


def benchmark(
    subjects: Sequence[Subject],
    *,
    threads: int,
    mode: Mode,
    prepare: Callable[[], object] | None,
    progress: Callable[[float], None],
    **options: object,
) -> list[Measurement]:
    """As ``runtime_bench.timing.protocol.benchmark``."""
    if prepare is not None:
        prepare()
    found = []
    for subject in subjects:
        info = format_of(subject.path)
        assert info is not None and subject.path.exists()
        samples = [1_000_000, 1_100_000, 1_050_000] * 10
        found.append(
            Measurement(
                kind="measured",
                created=TIME,
                artefact=str(subject.path),
                sha256=subject.sha256(),
                format=info.name,
                precision=subject.precision,
                target="local",
                device=Device(name="this", cores=1),
                threads=threads,
                runtime=info.name,
                runtime_version="1",
                mode=mode.name,
                session="one",
                samples_ns=tuple(samples),
                latency_ms=latency_summary(samples),
            )
        )
    progress(1.0)
    return found


def sensitivity(
    asked: SensitivityRequest,
    progress: Callable[[str, float], None],
    note: Callable[[str], None],
) -> SensitivityDocument:
    """As ``fbdeploy.pipeline.sensitivity.measure``."""
    network = open_network(asked.network, asked.weights, asked.num_classes, asked.input)
    assert len(open_pictures(network.task, asked.calibration))
    return sample_sensitivity()


def profile(path: Path, threads: int) -> Profile:
    """As ``runtime_bench.runtimes.profiling.profile``, which tests/fbdeploy/cli/test_bench.py
    runs."""
    assert path.exists()
    conv = OperatorTime("conv", "Conv", 90.0, 0.9)
    return Profile(str(path), "runtime", "1", threads, 10, 0.1, (conv,))


def stand_in(monkeypatch: pytest.MonkeyPatch, plan: Path) -> None:
    """Put all that in place; ``plan`` is a file of ``tests.fbdeploy.fake_plan``."""
    plan.write_text("{}")
    monkeypatch.setenv("FAKE_PLAN", str(plan))
    monkeypatch.setattr(deploy, "on_this_machine", HereAndNow)
    monkeypatch.setattr(deploy, "Stages", lambda: STAGES)
    stages = sweeping.SweepStages(deploy=STAGES, measure=measure)
    monkeypatch.setattr(sweeping, "SweepStages", lambda: stages)
    monkeypatch.setattr(counting, "count", count)
    monkeypatch.setattr(latency, "benchmark", benchmark)
    monkeypatch.setattr(profiling, "profile", profile)
    monkeypatch.setattr(sensitivity_command, "measure", sensitivity)
