"""A sweep's worker that makes measurements of devices that are not there."""

from __future__ import annotations

import os

from fbdeploy.pipeline.workers.jobs import Reporter
from fbdeploy.sweep.measuring import MeasureArguments, Refused
from runtime_bench.measurement import Counts
from tests.fbdeploy.fake_latency import timed
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
