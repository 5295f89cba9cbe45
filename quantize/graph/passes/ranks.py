"""Exchanged dimensions with as few of them as say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch.fx import GraphModule

from quantize.graph.passes.surgery import aten, calls, emit, is_call, tensor_meta

MOST_DIMENSIONS = 5
"""Of Core ML's tensors (coremltools 9.0 refuses more)."""


def permutations_of_fewer_dimensions(graph: GraphModule) -> int:
    """Let dimensions that stay together be one, where there are more than five between reshapes.

    Such as windows of attention: (batch, rows, height, columns, width, channels) with columns
    before height are (batch * rows, height, columns, width * channels) with the same.
    """
    changed = 0
    for node in calls(graph, aten.permute.default):
        source: Any = node.args[0]
        like = tensor_meta(source)
        if like is None or like.ndim <= MOST_DIMENSIONS:
            continue
        readers = list(node.users)
        if not all(is_call(one, aten.reshape.default) for one in (source, *readers)):
            continue
        order = [int(dim) % like.ndim for dim in node.args[1]]  # type: ignore[union-attr, arg-type]
        runs = _runs(order)
        apart = sorted(runs)
        shape = [math.prod(like.shape[dim] for dim in run) for run in apart]
        known = [size if isinstance(size, int) else -1 for size in shape]
        if len(runs) == len(order) or known.count(-1) > 1:
            continue
        joined = emit(node, aten.reshape.default, source.args[0], known, like=like.new_empty(shape))
        moved = [apart.index(run) for run in runs]
        permuted = emit(
            node,
            aten.permute.default,
            joined,
            moved,
            like=like.new_empty([shape[index] for index in moved]),
        )
        for reader in readers:
            reader.replace_input_with(node, permuted)
        graph.graph.erase_node(node)
        changed += 1
    return changed


def _runs(order: Sequence[int]) -> list[list[int]]:
    """``order`` cut where the next dimension is not the one behind the last."""
    runs = [[order[0]]]
    for dim in order[1:]:
        if dim == runs[-1][-1] + 1:
            runs[-1].append(dim)
        else:
            runs.append([dim])
    return runs
