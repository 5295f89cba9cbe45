"""What the values on one grid may be: the union of all of them.

A concatenation has one grid for all of its parts, and whatever moves values keeps the grid of what
it reads. A grid that is clipped to what one of its values can be would clip the others: sigmoid
joined with a convolution would leave of that what lies in [0, 1] (pytorch issue 21749).
"""

from __future__ import annotations

from collections import defaultdict

from torch.fx import GraphModule

from quantize.graph.plan import Plan, limits


def makers(graph: GraphModule, plan: Plan) -> dict[str, str]:
    """The owner of the grid of each value that an operator computes, by the value's name.

    Values that are only moved, joined or padded are left out: they hold no others than these.
    """
    found = {}
    for node in graph.graph.nodes:
        owner = plan.owner(node.name)
        if owner is not None and not plan.carried(node):
            found[node.name] = owner
    return found


def joint_limits(graph: GraphModule, plan: Plan) -> dict[str, tuple[float, float]]:
    """:func:`quantize.graph.plan.limits` of everything on a grid together, by the grid's owner."""
    nodes = {node.name: node for node in graph.graph.nodes}
    parts: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, owner in makers(graph, plan).items():
        parts[owner].append(limits(nodes[name], plan))
    return {
        owner: (min(low for low, _ in found), max(high for _, high in found))
        for owner, found in parts.items()
    }
