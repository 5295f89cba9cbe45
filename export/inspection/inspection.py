"""What an inspection of an artefact says; ``dataclasses.asdict`` of it is JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

IslandKind = Literal["between int8", "at the border", "outside the delegate"]


@dataclass(frozen=True)
class Port:
    """An input or output of the artefact, with its shape as stored."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Island:
    """Neighbouring operators that leave int8 or the delegate.

    ``kind``: ``between int8`` computes in float on dequantized values and is quantized again;
    ``at the border`` computes in float next to the artefact's input or output; ``outside the
    delegate`` is left to the runtime's own kernels. ``operators`` are in order of execution,
    ``name`` is that of the costliest. The cost is ``macs`` plus ``elements``, the activation
    elements they read and write, their conversions from and to int8 included; ``share`` is the
    cost over that of the whole artefact.
    """

    operators: tuple[str, ...]
    name: str
    kind: IslandKind
    reason: str
    macs: int
    elements: int
    share: float


@dataclass(frozen=True)
class Inspection:
    """What is inside an artefact and where it runs.

    Attributes:
        format: one of ``export``'s formats.
        operators: how often each operator runs, by its name in the runtime.
        operator_dtypes: the same counts, by operator and by the type of its output.
        stored_operators: the counts in the file, where the runtime fuses before it runs.
        macs: multiply-accumulates of convolutions and matrix products for one run.
        int8_share: the part of ``macs`` in int8 kernels, 0 to 1; None without MACs.
        delegated_share: the part of ``macs`` in the delegate; None where there is no delegate, or
            where only the device decides.
        partitions: delegate partitions (calls); None as above.
        islands: what leaves int8 or the delegate, costliest first.
        arena_bytes: memory that is planned for activations outside delegates; None where the
            runtime does not plan ahead.
        weight_bytes: bytes of constants by their stored type.
        inputs: the artefact's inputs.
        outputs: the artefact's outputs.
        notes: what limits these numbers, one sentence each.
    """

    format: str
    operators: dict[str, int]
    operator_dtypes: dict[str, dict[str, int]]
    stored_operators: dict[str, int] | None
    macs: int
    int8_share: float | None
    delegated_share: float | None
    partitions: int | None
    islands: tuple[Island, ...]
    arena_bytes: int | None
    weight_bytes: dict[str, int]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    notes: tuple[str, ...]
