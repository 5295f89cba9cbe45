"""Measuring what a results file does not hold yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runtime_bench.measurement import Measurement, MeasurementKey, append_measurement


def append_missing(
    results: Path,
    keys: Sequence[MeasurementKey],
    known: Sequence[Measurement],
    measure: Callable[[Sequence[int]], list[Measurement]],
) -> Iterator[Measurement]:
    """One measurement a key, in order: from ``known``, or measured and appended to ``results``.

    ``measure`` is given the indices of the keys that are left, all at once, since only what runs
    in turn may be compared.

    Raises:
        InputError: what ``measure`` raises, or the file cannot be written.
    """
    found = {one.key: one for one in known}
    left = [index for index, key in enumerate(keys) if key not in found]
    fresh = measure(left) if left else []
    for measurement in fresh:
        append_measurement(results, measurement)
    made = iter(fresh)
    for key in keys:
        yield found[key] if key in found else next(made)
