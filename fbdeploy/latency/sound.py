"""Latency of the artefacts that can be loaded: a bad one among several does not end the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fbdeploy.latency.measure import LatencyRequest, measure_latency
from runtime_bench.measurement import Measurement
from runtime_bench.runtimes.guest import guest_session
from runtime_bench.runtimes.outputs import noise
from runtime_bench.timing.session import Subject
from zoo.errors import InputError


@dataclass(frozen=True)
class Unusable:
    """An artefact that was left out, and why."""

    artefact: Path
    message: str


def measure_sound(
    request: LatencyRequest, progress: Callable[[float], None]
) -> tuple[list[Measurement], list[Unusable]]:
    """The measurements of ``measure_latency``, and the artefacts that have none since they cannot
    be loaded.

    Raises:
        InputError: as there, unless one of several artefacts alone is the reason.
    """
    try:
        return list(measure_latency(request, progress)), []
    except InputError:
        if len(request.subjects) == 1:
            raise
        # Loading all of them beforehand would cost more than the rare file that is refused.
        unusable = [bad for bad in map(_refused, request.subjects) if bad]
        left = {bad.artefact for bad in unusable}
        sound = tuple(one for one in request.subjects if one.path not in left)
        if not unusable or not sound:
            raise
        return list(measure_latency(replace(request, subjects=sound), progress)), unusable


def _refused(subject: Subject) -> Unusable | None:
    try:
        with guest_session(subject.path, 1, subject.input_size) as session:
            session.run(noise(session.input_shape, 1))
    except InputError as error:
        return Unusable(subject.path, str(error))
    return None
