"""Whether an int8 program still is the float network: what every format would agree with is judged
before there is one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fbdeploy.pipeline.steps.nearness import MOST_APART_FROM_FLOAT
from fbdeploy.records.fidelity import Fidelity
from stats.proportions import wilson_interval
from tasks.metrics import METRICS_OF, agreement_of
from zoo.outputs import TaskName

if TYPE_CHECKING:
    from quantize.program import Summary

LEAST_SQNR_DB = 15.0
"""Of fifteen int8 paths of two networks on 500 photos (benchmarks/real_photos), those of at least
14.6 dB choose float's class on 91 to 99.6 % of them, those of at most 11.8 dB on 3 to 87 %."""
LEAST_AGREEMENT = 0.5
"""Logits that hardly differ between images have a high signal-to-noise whatever int8 does to the
rest of them. Fewer than half of the same answers is another network."""


def fidelity_of(summary: Summary, task: TaskName) -> Fidelity:
    """The verdict on a program for ``task`` by what quantization measured of it.

    It fails below :data:`LEAST_SQNR_DB`, of a detector above
    :data:`~fbdeploy.pipeline.steps.nearness.MOST_APART_FROM_FLOAT`, and where the upper end of the
    agreement's 95 % Wilson interval lies below :data:`LEAST_AGREEMENT`.
    """
    held_out = summary.held_out_images > 0
    images = summary.held_out_images or summary.calibration_images
    alike = round(summary.agreement * images)
    told = agreement_of(METRICS_OF[task]).sentence
    apart = summary.alone
    if apart is None:
        near = summary.sqnr_db >= LEAST_SQNR_DB
        criterion = f"at least {LEAST_SQNR_DB:.0f} dB signal-to-noise"
    else:
        near = apart <= MOST_APART_FROM_FLOAT
        criterion = f"at most {100 * MOST_APART_FROM_FLOAT:.0f} % of the scores apart"
    return Fidelity(
        images=images,
        held_out=held_out,
        sqnr_db=summary.sqnr_db if math.isfinite(summary.sqnr_db) else None,
        agreement=summary.agreement,
        apart=apart,
        criterion=f"{criterion} and {told.format(f'{100 * LEAST_AGREEMENT:.0f} %', 'the images')}",
        passed=near and wilson_interval(alike, images).high >= LEAST_AGREEMENT,
    )
