"""Two measurements of one session, one against the other."""

from __future__ import annotations

from runtime_bench.measurement import Measurement
from stats.loads import LoadComparison, compare_loads
from zoo.errors import InputError


def ratio(first: Measurement, second: Measurement) -> LoadComparison:
    """How many times as long the first takes as the second, with its 95 % interval.

    It is of their undisturbed times, load against load (``stats.loads.compare_loads``), so it need
    not be the ratio of their medians.

    Raises:
        InputError: they were not interleaved, so that the machine's noise would be compared too, or
            by a version that loaded them once, so that one load's luck would be.
    """
    runs = [(one.block_runs or 0) * (one.load_rounds or 0) for one in (first, second)]
    if not first.session or first.session != second.session or not all(runs):
        raise InputError(
            f"{first.artefact} and {second.artefact} were not measured in turn; give both to one "
            "bench command to compare them"
        )
    return compare_loads(
        first.samples_ns, second.samples_ns, first_runs=runs[0], second_runs=runs[1]
    )
