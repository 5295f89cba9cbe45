"""Computing once what does not depend on the input."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from quantize.graph.passes.cleanup import in_place
from quantize.graph.passes.surgery import (
    argument,
    aten,
    calls,
    constant,
    is_constant,
    tensor_meta,
    tensor_of,
)

LARGE, GROWTH = 1 << 18, 16
"""Elements, and times those it is computed of: from both on, a constant is left as it was made."""


@torch.no_grad()
def fold_constants(graph: GraphModule) -> int:
    """Replace values that depend on parameters and numbers alone by what they are.

    Weight norm, spectral norm, weight standardization, coordinate grids and masks become plain
    tensors; a convolution with such a weight is one like any other. A large tensor that a small one
    tells, such as which of a thousand boxes come before which, is left to be computed: in a file
    it would weigh more than the network.
    """
    known: dict[Node, Any] = {}
    for node in graph.graph.nodes:
        if node.op == "get_attr" and _is_tensor(graph, node):
            known[node] = tensor_of(graph, node)
        elif _is_pure(node) and all(source in known for source in node.all_input_nodes):
            arguments = map_arg((node.args, node.kwargs), lambda source: known[source])
            value = node.target(*arguments[0], **arguments[1])
            if not _bloats(value, [known[source] for source in node.all_input_nodes]):
                known[node] = value
    changed = 0
    for node, value in known.items():
        wanted = node.op == "call_function" and any(user not in known for user in node.users)
        if wanted and isinstance(value, Tensor):
            folded = constant(graph, node, f"{node.name}_constant", value.contiguous())
            node.replace_all_uses_with(folded)
            changed += 1
    return changed


@torch.no_grad()
def expand_constants(graph: GraphModule) -> int:
    """Expand constants as far as sizes are known, so that only the batch is left to expand: of the
    one image that artefacts take, nothing."""
    changed = 0
    for node in calls(graph, aten.expand.default):
        source, made = node.args[0], tensor_meta(node)
        if made is None or not isinstance(source, Node) or not is_constant(source):
            continue
        tensor, sizes = tensor_of(graph, source), list(made.shape)
        wide = [1, *sizes[1:]]
        free = not isinstance(sizes[0], int) and tensor.ndim == made.ndim and len(tensor) == 1
        if not free or not all(isinstance(size, int) for size in wide) or wide == [*tensor.shape]:
            continue
        kept = constant(graph, node, f"{node.name}_constant", tensor.expand(wide).contiguous())
        batch: Any = argument(node, 1)
        node.args = (kept, [batch[0], *[-1] * (len(wide) - 1)])
        changed += 1
    return changed


def _bloats(value: Any, sources: list[Any]) -> bool:
    """Whether a value is large and much larger than all that it is computed of."""
    given = sum(source.numel() for source in sources if isinstance(source, Tensor))
    size = value.numel() if isinstance(value, Tensor) else 0
    return size > LARGE and bool(given) and size > GROWTH * given


def _is_tensor(graph: GraphModule, node: Node) -> bool:
    value: Any = graph
    for part in str(node.target).split("."):
        value = getattr(value, part, None)
    return isinstance(value, Tensor)


def _is_pure(node: Node) -> bool:
    """Whether ``node`` gives the same at every run and changes nothing."""
    if node.op != "call_function" or not callable(node.target) or in_place(node):
        return False
    return torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ())
