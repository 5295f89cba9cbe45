"""From a reader's graph to the inspection: counts, shares by MACs and islands by cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from export.coverage import Island, IslandKind
from export.inspection.graph import Graph, Operation, Reading
from export.inspection.inspection import Inspection


def inspection_of(reading: Reading) -> Inspection:
    """The inspection of what a reader found."""
    graph = reading.graph
    macs = sum(operation.macs for operation in graph.operations)
    int8 = sum(o.macs for o in graph.operations if o.macs and graph.kind(o) == "int8")
    delegated = sum(operation.macs for operation in graph.operations if operation.delegated)
    has_delegate = reading.partitions is not None
    return Inspection(
        format=reading.format,
        operators=_counts(operation.operator for operation in graph.operations),
        operator_dtypes=_dtypes(graph),
        stored_operators=reading.stored_operators,
        macs=macs,
        int8_share=int8 / macs if macs else None,
        delegated_share=delegated / macs if macs and has_delegate else None,
        partitions=reading.partitions,
        islands=_islands(reading),
        arena_bytes=reading.arena_bytes,
        weight_bytes=dict(sorted(reading.weight_bytes.items())),
        inputs=reading.inputs,
        outputs=reading.outputs,
        notes=reading.notes,
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _dtypes(graph: Graph) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for operation in graph.operations:
        written = [graph.values[name].dtype for name in operation.outputs if name in graph.values]
        found[operation.operator][written[0] if written else "none"] += 1
    return {operator: dict(counts) for operator, counts in sorted(found.items())}


def _islands(reading: Reading) -> tuple[Island, ...]:
    graph = reading.graph
    kinds = [graph.kind(operation) for operation in graph.operations]
    total = sum(
        _cost(graph, operation)
        for operation, kind in zip(graph.operations, kinds, strict=True)
        if kind != "constant"
    )
    # A float network is no island in itself; only what its delegate leaves is.
    floats = [i for i, kind in enumerate(kinds) if kind == "float" and "int8" in kinds]
    taken = set(floats)
    left = [
        i
        for i, operation in enumerate(graph.operations)
        if reading.partitions is not None
        and not operation.delegated
        and i not in taken
        and kinds[i] not in ("constant", "convert")
    ]
    sorts: tuple[tuple[list[int], IslandKind | None], ...] = (
        (floats, None),
        (left, "outside the delegate"),
    )
    found = [
        _island(reading, [graph.operations[i] for i in group], kind, total)
        for members, kind in sorts
        for group in _neighbours(graph, members)
    ]
    return tuple(sorted(found, key=lambda island: -(island.macs + island.elements)))


def _cost(graph: Graph, operation: Operation) -> int:
    return operation.macs + graph.elements(operation)


def _neighbours(graph: Graph, members: Sequence[int]) -> list[list[int]]:
    """Group operations that pass activations to one another."""
    groups: list[list[int]] = []
    group_of: dict[str, list[int]] = {}
    for index in members:
        operation = graph.operations[index]
        merged = [index]
        before = {id(group_of[n]): group_of[n] for n in operation.inputs if n in group_of}
        for group in before.values():
            groups.remove(group)
            merged = sorted(merged + group)
        groups.append(merged)
        for member in merged:
            for name in graph.operations[member].outputs:
                group_of[name] = merged
    return groups


def _island(
    reading: Reading, members: list[Operation], kind: IslandKind | None, total: int
) -> Island:
    graph = reading.graph
    borders = _conversions(graph, members)
    if kind is None:
        both = {"in", "out"} <= {side for side, _ in borders}
        kind = "between int8" if both else "at the border"
        work = [*members, *(operation for _, operation in borders)]
    else:
        work = members
    macs = sum(operation.macs for operation in work)
    elements = sum(graph.elements(operation) for operation in work)
    costliest = max(members, key=lambda operation: _cost(graph, operation))
    return Island(
        operators=tuple(operation.operator for operation in members),
        name=costliest.name,
        kind=kind,
        reason=reading.explain(members, kind),
        macs=macs,
        elements=elements,
        share=(macs + elements) / total if total else 0.0,
    )


def _conversions(graph: Graph, members: Sequence[Operation]) -> list[tuple[str, Operation]]:
    """The conversions that feed these operations ("in") and that read from them ("out")."""
    read = {name for operation in members for name in operation.inputs}
    written = {name for operation in members for name in operation.outputs}
    return [
        ("in" if read & set(operation.outputs) else "out", operation)
        for operation in graph.operations
        if graph.kind(operation) == "convert"
        and (read & set(operation.outputs) or written & set(operation.inputs))
    ]
