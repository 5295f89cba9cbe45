"""Measurements of devices that are not there, and a sweep's worker that makes them."""

from __future__ import annotations

import os

from fbdeploy.pipeline.workers.jobs import Reporter
from fbdeploy.records.manifest import Artefact, now
from fbdeploy.sweep.measuring import MeasureArguments, Refused
from runtime_bench.measurement import Counts, Device, LatencySummary, Measurement
from tests.fbdeploy.fake_plan import called, misbehave, plan


def measure(report: Reporter, asked: MeasureArguments) -> None:
    """A target on which one thread takes 1, 2, ... ms an artefact, and two take half of it.

    ``refuse NAME`` in the plan is a format that it cannot run, ``measure NAME`` what goes wrong
    after the first thread count.
    """
    target = asked.target
    name = target.address.partition("://")[2] or target.address
    called(f"measure {name} {','.join(map(str, asked.threads))} of {len(asked.artefacts)}")
    refused = plan().get(f"refuse {name}")
    if refused:
        report.result(Refused(format=refused, reason="no python3 there"))
    for count in asked.threads:
        for number, entry in enumerate(asked.artefacts):
            if entry.format == refused:
                continue
            made = timed(entry, target.address, count, (1.0 + number) / count)
            if target.is_emulated:
                counts = Counts(instructions=1000 + len(entry.path), cycles=500.0)
                changes = {"kind": "emulated", "mode": "counted", "latency_ms": None}
                made = made.model_copy(update={**changes, "counts": counts})
            elif target.is_this_machine:
                made = made.model_copy(update={"cpu_mask": tuple(sorted(os.sched_getaffinity(0)))})
            report.result(made)
        misbehave(f"measure {name}")


def timed(entry: Artefact, target: str, threads: int, milliseconds: float) -> Measurement:
    return Measurement(
        kind="measured",
        created=now(),
        artefact=entry.path,
        sha256=entry.sha256,
        format=entry.format,
        precision=entry.precision,
        target=target,
        device=Device(name="fake", cores=1),
        threads=threads,
        runtime="fake",
        runtime_version="1",
        mode="quick",
        session="one",
        samples_ns=(1_000_000, 1_100_000, 1_200_000),
        latency_ms=LatencySummary(
            runs=3,
            p50=milliseconds,
            p90=2 * milliseconds,
            p99=3 * milliseconds,
            p50_interval=(0.9 * milliseconds, 1.1 * milliseconds),
            minimum=0.9,
            mean=1.1,
            iqr=0.1,
            cv=0.1,
        ),
    )
