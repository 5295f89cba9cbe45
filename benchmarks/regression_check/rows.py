"""What a simulation of one setting tells."""

from __future__ import annotations

from dataclasses import dataclass

from stats.interval import Interval


@dataclass(frozen=True)
class AccuracyRow:
    """One setting; rates in 0..1. ``caught``: one that dropped; ``alarms``: one that did not."""

    flips: float
    artefacts: int
    dropped: int
    classes: int
    drop: float
    repetitions: int
    caught: float
    alarms: float
    alarms_interval: Interval
    seconds: float


@dataclass(frozen=True)
class LatencyRow:
    """One artefact of a session of four is slower by ``slowdown``; rates in 0..1."""

    slowdown: float
    repetitions: int
    caught: float
    noisy: float
    alarms: float
    alarms_interval: Interval


@dataclass(frozen=True)
class MiouRow:
    """Mean IoU of the first of ``artefacts`` falls by ``drop`` in the mean, with the standard
    deviation ``spread`` over repetitions, as a share ``lost`` of its right pixels become wrong;
    rates in 0..1."""

    artefacts: int
    lost: float
    drop: float
    spread: float
    repetitions: int
    caught: float
    alarms: float
    alarms_interval: Interval
