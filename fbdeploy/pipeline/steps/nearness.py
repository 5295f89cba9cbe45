"""How near an artefact must be to what it was made from, and an int8 program to its network.

Outputs whose places mean something are compared number by number. Those of a detector are not: one
detection more moves all others, so detectors are compared by what share of their scores differs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime_bench.runtimes.outputs import FLOAT_TOLERANCE

if TYPE_CHECKING:
    from export.base import ExportSource
    from export.format_info import NumberType
    from tasks.base import Outputs, Task

HALF_SQNR_DB = 40.0
"""Least signal-to-noise of an fp16 artefact's logits against the float network's. Rounding to 11
bits costs 2**-12 / sqrt(3) of a value, 77 dB, once a weight and once a result; two hundred of them
that add up leave 54 dB, and networks that amplify noise have 14 dB more."""
INT8_SQNR_DB = 15.0
"""Least signal-to-noise of an int8 artefact's logits against the quantized program's, or the
program's own against float where that is less: kernels round a few values to the neighbouring step,
and a network that amplifies int8's noise amplifies that too. A wrong scale costs far more."""
MOST_APART: dict[NumberType, float] = {"fp32": 0.005, "fp16": 0.05, "int8": 0.25}
"""Most of two detectors' scores that may differ, of an int8 artefact also as much as of its program
and float. The last bits of a float choose between boxes that are as good, one in some thousands.
int8 files of a trained FBNetV3-A-dsmask C4 have 0.11 to 0.13 against their program, as much as the
program against float; a wrong scale leaves hardly a box."""
MOST_APART_FROM_FLOAT = 0.5
"""Of a program that still is its float network: half of what both find is the same."""


def by_numbers(source: ExportSource, relative: float, least_db: float | None) -> tuple[bool, str]:
    """Whether outputs are near enough, and what that asks for.

    Args:
        source: what was exported.
        relative: the largest difference of an output over its largest value.
        least_db: signal-to-noise of the output that differs most; None where all are equal.
    """
    if source.precision == "fp32":
        return relative <= FLOAT_TOLERANCE, f"within {FLOAT_TOLERANCE:g} relative"
    least = HALF_SQNR_DB
    if source.program is not None:
        least = min(INT8_SQNR_DB, source.program.summary.sqnr_db)
    passed = least_db is None or least_db >= least
    return passed, f"at least {least:.1f} dB signal-to-noise"


def by_detections(source: ExportSource, apart: float) -> tuple[bool, str]:
    """The same by what share of the scores differs, 0..1."""
    most = MOST_APART[source.precision]
    if source.program is not None:
        most = max(most, source.program.summary.alone or 0.0)
    return apart <= most, f"at most {100 * most:.3g} % of the scores apart"


def distance_apart(task: Task, expected: Outputs, found: Outputs) -> float | None:
    """What share of two detectors' scores differs, the mean over the images; None of tasks whose
    answers are none that a network chooses.

    Images on which neither finds anything count as equal.
    """
    if not task.follows:
        return None
    import torch

    first, second = (
        {name: torch.from_numpy(value) for name, value in outputs.items()}
        for outputs in (expected, found)
    )
    return float(task.distance(first, second).mean())
