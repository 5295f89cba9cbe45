"""What of an artefact runs in int8 and in its delegate: the part of an inspection that is kept."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from zoo.documents import Count, Schema, Share

IslandKind = Literal["between int8", "at the border", "outside the delegate"]


class Island(Schema):
    """Neighbouring operators that leave int8 or the delegate.

    ``kind``: ``between int8`` computes in float on dequantized values and is quantized again;
    ``at the border`` computes in float next to the artefact's input or output; ``outside the
    delegate`` is left to the runtime's own kernels. ``operators`` are in order of execution,
    ``name`` is that of the costliest. The cost is ``macs`` plus ``elements``, the activation
    elements they read and write, their conversions from and to int8 included; ``share`` is the
    cost over that of the whole artefact.
    """

    operators: tuple[str, ...]
    name: str = ""
    kind: IslandKind
    reason: str = ""
    macs: Count
    elements: Count
    share: Share


class Coverage(Schema):
    """What of an artefact runs in int8 and in the delegate, as shares of all multiply-accumulates.

    ``int8_share`` is null without any, ``delegated_share`` and ``partitions``, the delegate's
    calls, where there is no delegate or only the device decides. ``operators`` is how often each
    runs, by its name in the runtime; ``islands`` are what leaves int8 or the delegate, costliest
    first; ``notes`` say what limits these numbers, one sentence each.
    """

    int8_share: Share | None = None
    delegated_share: Share | None = None
    partitions: Count | None = None
    operators: dict[str, Count] = Field(default_factory=dict)
    islands: tuple[Island, ...] = ()
    notes: tuple[str, ...] = ()
