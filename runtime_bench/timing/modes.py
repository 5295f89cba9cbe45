"""How long to measure: the protocol's modes as a table."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import InputError

# An interval of 95 % needs 6 (statistics.compare_loads), and with 6 all must be of one sign.
LEAST_EPOCHS = 8


@dataclass(frozen=True)
class Mode:
    """When an artefact has been measured enough.

    It stops when it has ``minimum_runs`` and ``minimum_seconds`` and either the 95 % interval of
    its median is narrower than ``interval_width`` (relative to the median) or more epochs would
    take it beyond ``maximum_seconds``. Seconds count the artefact's own steady-state runs only.

    Attributes:
        loads: how often an artefact is loaded alone in its process, if that is asked for.
        warmup_seconds: the most time spent on letting the drift go, an artefact.
        block_seconds: how long an artefact runs before it is another's turn.
        epochs: the least processes, one after the other, that the series comes from. Even, so that
            every order of loads has its reverse.

    Raises:
        ValueError: an odd number of epochs, or fewer than 8.
    """

    name: str
    minimum_runs: int
    minimum_seconds: float
    maximum_seconds: float
    interval_width: float
    loads: int
    warmup_seconds: float
    block_seconds: float
    epochs: int = LEAST_EPOCHS

    def __post_init__(self) -> None:
        if self.epochs < LEAST_EPOCHS or self.epochs % 2:
            raise ValueError(f"{self.epochs} epochs; an even number of at least {LEAST_EPOCHS}")


MODES = {
    mode.name: mode
    for mode in (
        Mode("quick", 20, 1.0, 1.5, 0.05, loads=1, warmup_seconds=1.0, block_seconds=0.05),
        Mode("standard", 50, 5.0, 10.0, 0.02, 3, warmup_seconds=5.0, block_seconds=0.1, epochs=12),
        # MLPerf inference rules, single stream: at least 1024 queries and 60 s; its score is p90.
        Mode("mlperf", 1024, 60.0, 120.0, 0.01, 3, 10.0, block_seconds=0.5, epochs=20),
    )
}


def mode_of(name: str) -> Mode:
    """A mode by name.

    Raises:
        InputError: there is none of this name.
    """
    if name not in MODES:
        raise InputError(f"--mode {name}: is unknown; give one of {', '.join(MODES)}")
    return MODES[name]
