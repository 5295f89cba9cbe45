"""A measurement of a device that is not there."""

from __future__ import annotations

from fbdeploy.records.manifest import Artefact, now
from runtime_bench.measurement import Device, LatencySummary, Measurement


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
