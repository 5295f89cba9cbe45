"""What every rewrite needs: looking at nodes and putting tensors and nodes into a graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

aten = torch.ops.aten
#: Where a node that was read from a file keeps its module's path.
MODULE_PATH = "fbdeploy_module_path"


def calls(graph: GraphModule, *targets: Any) -> Iterator[Node]:
    """The nodes that call one of ``targets``, in execution order; safe while the graph changes."""
    return iter([n for n in graph.graph.nodes if n.op == "call_function" and n.target in targets])


def is_call(node: object, *targets: Any) -> bool:
    """Whether ``node`` is a node that calls one of ``targets``."""
    return isinstance(node, Node) and node.op == "call_function" and node.target in targets


def argument(node: Node, index: int, default: Any = None) -> Any:
    """A positional argument, or ``default`` where the call leaves it out."""
    return node.args[index] if len(node.args) > index else default


def pair(value: Any) -> list[int]:
    """A size for each of a map's two dimensions, of which one may stand for both."""
    sizes = [int(size) for size in value] if isinstance(value, (list, tuple)) else [int(value)]
    return sizes * 2 if len(sizes) == 1 else sizes


def set_argument(node: Node, index: int, value: Any) -> None:
    """Set a positional argument, filling those before it with None."""
    args = list(node.args) + [None] * (index + 1 - len(node.args))
    args[index] = value
    node.args = tuple(args)


def tensor_of(graph: GraphModule, node: Node) -> Tensor:
    """The tensor behind a ``get_attr`` node."""
    value: Any = graph
    for part in str(node.target).split("."):
        value = getattr(value, part)
    assert isinstance(value, Tensor)
    return value.detach()


def bias_of(graph: GraphModule, node: Node) -> Tensor | None:
    """The bias (out,) of a convolution or linear node, or None."""
    bias = argument(node, 2)
    return tensor_of(graph, bias) if isinstance(bias, Node) else None


def constant(graph: GraphModule, node: Node, name: str, value: Tensor) -> Node:
    """Register ``value`` as a buffer and return a new ``get_attr`` node for it before ``node``."""
    unique, number = name, 0
    while hasattr(graph, unique):
        number += 1
        unique = f"{name}_{number}"
    graph.register_buffer(unique, value.detach().clone())
    with graph.graph.inserting_before(node):
        created = graph.graph.get_attr(unique)
    created.meta["val"] = value
    return created


def number(graph: GraphModule, node: Node, name: str, value: float) -> Node:
    """A constant of one value that has as many dimensions as ``node``'s, so that it fits every
    memory layout."""
    return constant(graph, node, name, torch.full((1,) * len(shape_of(node)), value))


def emit(before: Node, target: Any, *args: Any, like: Tensor | None = None) -> Node:
    """A new call of ``target`` in front of ``before``; ``like`` is its value's metadata."""
    with before.graph.inserting_before(before):
        created = before.graph.call_function(target, args)
    if like is not None:
        created.meta["val"] = like
    for key in ("nn_module_stack", MODULE_PATH):
        if key in before.meta:
            created.meta[key] = before.meta[key]
    return created


def replace(old: Node, new: Node) -> None:
    """Let ``new`` take the place and the metadata of ``old``, which is erased."""
    new.meta.update({key: value for key, value in old.meta.items() if key not in new.meta})
    old.replace_all_uses_with(new)
    old.graph.erase_node(old)


def tensor_meta(value: object) -> Tensor | None:
    """What the capture recorded of a node's value, if that is one tensor."""
    found = value.meta.get("val") if isinstance(value, Node) else None
    return found if isinstance(found, Tensor) else None


def sized(like: Tensor, dim: int, size: int) -> Tensor:
    """The metadata of a value as ``like``, with ``size`` elements along ``dim``."""
    sizes = list(like.shape)
    sizes[dim] = size
    return like.new_empty(sizes)


def same_shape(first: Tensor, second: Tensor) -> bool:
    """Whether two values have one shape, whatever the batch; symbolic sizes compare by name."""
    return [str(size) for size in first.shape] == [str(size) for size in second.shape]


def is_constant(node: object) -> bool:
    """Whether ``node`` is a parameter or another tensor that does not depend on the input."""
    return isinstance(node, Node) and node.op == "get_attr"


def shape_of(node: Node) -> tuple[Any, ...]:
    """The shape the capture recorded; a dynamic batch dimension is symbolic."""
    return tuple(node.meta["val"].shape)


def module_path(node: Node) -> str:
    """The path in the user's network of the innermost module that calls ``node``; may be empty."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(node.meta.get(MODULE_PATH) or (stack[-1][0] if stack else ""))


def only_user(node: Node) -> Node | None:
    """The single user of ``node``, or None where there are none or several."""
    users = list(node.users)
    return users[0] if len(users) == 1 else None


def drop_unused_tensors(graph: GraphModule) -> None:
    """Delete parameters and buffers no node reads; exporters would write them into the file."""
    read = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
    names = [name for name, _ in [*graph.named_parameters(), *graph.named_buffers()]]
    for name in names:
        if name not in read:
            parent, _, leaf = name.rpartition(".")
            delattr(graph.get_submodule(parent), leaf)
