"""A graph of ATen calls as JSON and tensors, without pickles.

Node names are kept, since ranges refer to them; torch.export's own format renumbers them.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

from quantize.graph.passes.surgery import MODULE_PATH, module_path, tensor_of
from zoo.errors import InputError
from zoo.outputs import Interface, OutputSpec


def graph_to_json(graph: GraphModule, tensors: dict[str, Tensor]) -> list[dict[str, Any]]:
    """The nodes as JSON values; tensors go into ``tensors`` under ``attribute.NAME``."""
    rows: list[dict[str, Any]] = []
    for node in graph.graph.nodes:
        row: dict[str, Any] = {"name": node.name, "op": node.op}
        if node.op == "get_attr":
            tensors[f"attribute.{node.name}"] = tensor_of(graph, node).contiguous().clone()
        else:
            row["args"] = _encode(node.args)
        if node.op == "call_function":
            row["target"] = _target(node)
            row["kwargs"] = _encode(node.kwargs)
        path = module_path(node)
        if path:
            row["module"] = path
        value = node.meta.get("val")
        if isinstance(value, Tensor):
            row["shape"] = [d if isinstance(d, int) else -1 for d in value.shape]
            if value.dtype != torch.float32:
                row["dtype"] = _encode(value.dtype)["torch"]
        rows.append(row)
    return rows


def graph_from_json(rows: list[dict[str, Any]], tensors: dict[str, Tensor]) -> GraphModule:
    """The inverse of :func:`graph_to_json`; unknown batch sizes become 1 in the metadata."""
    root, graph = nn.Module(), Graph()
    nodes: dict[str, Node] = {}
    for row in rows:
        name = row["name"]
        if row["op"] == "placeholder":
            node = graph.placeholder(name)
        elif row["op"] == "get_attr":
            root.register_buffer(name, tensors[f"attribute.{name}"])
            node = graph.get_attr(name)
        elif row["op"] == "output":
            returned = _decode(row["args"], nodes)[0]
            node = graph.output(tuple(returned) if isinstance(returned, list) else returned)
        else:
            node = graph.call_function(
                _operator(row["target"]),
                tuple(_decode(row["args"], nodes)),
                _decode(row["kwargs"], nodes),
            )
        node.name = name
        if "module" in row:
            node.meta[MODULE_PATH] = row["module"]
        if "shape" in row:
            shape = [1 if d == -1 else d for d in row["shape"]]
            dtype = getattr(torch, row.get("dtype", "float32"))
            node.meta["val"] = torch.empty(shape, dtype=dtype, device="meta")
        nodes[name] = node
    return GraphModule(root, graph)


def interface_from_json(stored: dict[str, Any]) -> Interface:
    """The interface of what ``dataclasses.asdict`` made of it."""
    outputs = (OutputSpec(**{**o, "shape": tuple(o["shape"])}) for o in stored["outputs"])
    return Interface(stored["task"], tuple(outputs))


#: What reads one of several results, and what networks compute sizes with.
_PYTHON = {
    function.__name__: function
    for function in (
        operator.getitem,
        operator.add,
        operator.sub,
        operator.mul,
        operator.floordiv,
        operator.mod,
        operator.neg,
    )
}


def _target(node: Node) -> str:
    """The name of what ``node`` calls, such as ``aten.conv2d.default`` or ``python.getitem``."""
    name = getattr(node.target, "__name__", "")
    return f"python.{name}" if _PYTHON.get(name) is node.target else str(node.target)


def _operator(target: str) -> Any:
    """``aten.conv2d.default`` -> ``torch.ops.aten.conv2d.default``."""
    namespace, _, name = target.partition(".")
    if namespace == "python" and name in _PYTHON:
        return _PYTHON[name]
    if namespace not in ("aten", "quantized_decomposed", "torchvision") or name.count(".") != 1:
        raise InputError(f"{target}: not an operator a stored program may call")
    packet, overload = name.split(".")
    return getattr(getattr(getattr(torch.ops, namespace), packet), overload)


def _encode(value: Any) -> Any:
    if isinstance(value, Node):
        return {"node": value.name}
    if isinstance(value, (list, tuple)):
        return [_encode(v) for v in value]
    if isinstance(value, dict):
        return {"dict": {k: _encode(v) for k, v in value.items()}}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (torch.dtype, torch.memory_format, torch.layout)):
        return {"torch": str(value).removeprefix("torch.")}
    if isinstance(value, torch.device):
        return {"device": value.type}
    raise InputError(f"a graph with a {type(value).__name__} argument cannot be stored as JSON")


def _decode(value: Any, nodes: dict[str, Node]) -> Any:
    if isinstance(value, list):
        return [_decode(v, nodes) for v in value]
    if isinstance(value, dict):
        if "node" in value:
            return nodes[value["node"]]
        if "torch" in value:
            return getattr(torch, value["torch"])
        if "device" in value:
            return torch.device(value["device"])
        return {k: _decode(v, nodes) for k, v in value["dict"].items()}
    return value
