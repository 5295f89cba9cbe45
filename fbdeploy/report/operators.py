"""Where an artefact's operators run, in words: grouped, the costliest first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from export.coverage import Coverage, IslandKind
from fbdeploy.records.manifest import Artefact

GROUPS = 6
"""Groups told; the rest is counted."""
KINDS: dict[IslandKind, str] = {
    "between int8": "in float, between int8 operators",
    "at the border": "in float, next to input or output",
    "outside the delegate": "outside the delegate",
}


@dataclass(frozen=True)
class OperatorGroup:
    """Operators that run in the same place for the same reason: ``names`` such as
    ``9 × aten::mean``, and their ``share`` of the artefact's cost."""

    names: str
    where: str
    reason: str
    share: float


def groups(artefact: Artefact) -> tuple[OperatorGroup, ...]:
    """What leaves int8 or the delegate, the costliest first; none where nothing does."""
    islands = artefact.coverage.islands if artefact.coverage else ()
    found: dict[tuple[IslandKind, str], tuple[Counter[str], float]] = {}
    for island in islands:
        counted, share = found.get((island.kind, island.reason), (Counter(), 0.0))
        counted.update(island.operators)
        found[island.kind, island.reason] = (counted, share + island.share)
    made = [
        OperatorGroup(counted_words(counted), KINDS[kind], reason, min(1.0, share))
        for (kind, reason), (counted, share) in found.items()
    ]
    return tuple(sorted(made, key=lambda group: -group.share))


def inside(coverage: Coverage | None) -> str:
    """The operators that run where they should, such as ``60 × conv, 9 × add``."""
    if coverage is None:
        return ""
    left = Counter(coverage.operators)
    for island in coverage.islands:
        left.subtract(island.operators)
    return counted_words(Counter({name: number for name, number in left.items() if number > 0}))


def counted_words(counted: Counter[str]) -> str:
    """``9 × aten::mean, aten::cat``, the most frequent first."""
    return ", ".join(
        f"{number} × {name}" if number > 1 else name for name, number in counted.most_common()
    )
