"""Feature maps of networks that have none of their own: torchvision's and the user's."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from zoo.errors import InputError, reason_of
from zoo.input_spec import InputSpec


class FeatureMaps(nn.Module):
    """A network cut open: returns the last map at each stride, finest first.

    ``channels`` and ``reductions`` describe the returned list; ``graph`` is the cut network.
    """

    def __init__(self, graph: fx.GraphModule, channels: list[int], reductions: list[int]) -> None:
        super().__init__()
        self.graph = graph
        self.channels = channels
        self.reductions = reductions

    def forward(self, x: Tensor) -> list[Tensor]:
        """Maps of shape (N, channels[i], H / reductions[i], W / reductions[i])."""
        maps: list[Tensor] = self.graph(x)
        return maps


class _BlockTracer(fx.Tracer):
    # Only nn.Sequential is looked into: what a block does inside need not be traceable.
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) is not nn.Sequential


class _ShapeRecorder(fx.Interpreter):
    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.shapes: list[tuple[fx.Node, tuple[int, ...]]] = []

    def run_node(self, n: fx.Node) -> object:
        result: object = super().run_node(n)
        if isinstance(result, Tensor) and n.op in ("call_module", "call_function", "call_method"):
            self.shapes.append((n, tuple(result.shape)))
        return result


def feature_maps(name: str, network: nn.Module, spec: InputSpec) -> FeatureMaps:
    """Cut ``network`` behind its last block at each stride, in front of the global pool.

    Raises:
        InputError: its forward cannot be traced by torch.fx, or it has no maps.
    """
    try:
        traced = fx.GraphModule(network, _BlockTracer().trace(network))
        recorder = _ShapeRecorder(traced)
        with torch.no_grad():
            recorder.run(torch.zeros(spec.shape))
    except Exception as error:  # the user's own forward runs here
        raise InputError(
            f"{name}: features_only needs a forward that torch.fx can trace "
            f"({type(error).__name__}: {reason_of(error)})"
        ) from error
    ends: dict[int, tuple[fx.Node, int]] = {}
    for node, shape in recorder.shapes:
        if len(shape) != 4 or (shape[2:] == (1, 1) and _is_global_pool(node, traced)):
            break
        reduction = round(spec.height / shape[2])  # odd sizes round up or down
        if reduction > 1:
            ends[reduction] = (node, shape[1])
    if not ends:
        raise InputError(f"{name}: has no feature maps of shape (N, C, H, W)")
    output = next(node for node in traced.graph.nodes if node.op == "output")
    output.args = ([node for node, _ in ends.values()],)
    traced.graph.eliminate_dead_code()
    traced.delete_all_unused_submodules()
    traced.recompile()
    return FeatureMaps(traced, [channels for _, channels in ends.values()], list(ends))


def _is_global_pool(node: fx.Node, graph: fx.GraphModule) -> bool:
    if node.op == "call_module":
        return "Pool" in type(graph.get_submodule(str(node.target))).__name__
    return "pool" in str(node.target) or "mean" in str(node.target)
