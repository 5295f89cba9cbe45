"""Per-channel int8 weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.fx import GraphModule

from quantize.graph.passes.surgery import bias_of, tensor_of
from quantize.graph.plan import Plan
from quantize.qparams import WEIGHT_MAX, QParams, QuantizedWeight

#: |bias| / (s_in * s_w) must stay below this for the int32 bias, with room for the accumulator:
#: 2**31 / 4 (onnxruntime issue 11415).
LARGEST_BIAS = 2.0**29


def smallest_scales(bias: Tensor | None, input_scale: float, like: Tensor) -> Tensor:
    """Lower bounds of the weight's scales, (out,), so that the int32 bias cannot overflow.

    ``bias`` and ``like`` are (out,), ``input_scale`` is that of the grid which the layer reads.
    """
    tiny = torch.full_like(like, 1e-12)
    if bias is None:
        return tiny
    return torch.maximum(tiny, bias.abs() / (input_scale * LARGEST_BIAS))


def quantize_weight(
    weight: Tensor,
    bias: Tensor | None,
    input_scale: float,
    *,
    search: bool = True,
    smallest_factor: float = 0.8,
    steps: int = 21,
) -> QuantizedWeight:
    """Symmetric int8 of ``weight`` (out, ...) with one scale per output channel.

    With ``search``, each scale is the one of ``steps`` factors in [``smallest_factor``, 1] of
    max|w| / 127 whose rounding and clipping lose the least squared error. A dead channel gets the
    bias's own scale, so its zeros stay zeros.
    """
    flat = weight.detach().double().reshape(weight.shape[0], -1)
    full = flat.abs().amax(1) / WEIGHT_MAX
    floor = smallest_scales(None if bias is None else bias.detach().double(), input_scale, full)
    best = torch.maximum(full, floor)
    if search:
        least = torch.full_like(best, float("inf"))
        chosen = best.clone()
        for factor in torch.linspace(smallest_factor, 1.0, steps).tolist():
            scale = torch.maximum(full * factor, floor)
            error = (_rounded(flat, scale) * scale[:, None] - flat).square().sum(1)
            better = error < least
            least = torch.where(better, error, least)
            chosen = torch.where(better, scale, chosen)
        best = chosen
    scale = best.float()
    values = _rounded(flat, scale.double()).reshape(weight.shape)
    return QuantizedWeight(values.to(torch.int8), scale)


def quantize_weights(
    graph: GraphModule, plan: Plan, grids: dict[str, QParams], *, search: bool
) -> dict[str, QuantizedWeight]:
    """int8 weights by node name of the layers in ``plan.weighted``, for inputs on ``grids``.

    A layer whose input is in float keeps its weight in float, unless no value is in int8 at all.
    """
    found: dict[str, QuantizedWeight] = {}
    nodes = {node.name: node for node in graph.graph.nodes}
    for name in plan.weighted:
        node = nodes[name]
        owner = plan.owner(node.args[0].name)
        if owner is None and plan.observed:
            continue
        grid = None if owner is None else grids[owner]
        weight, bias = tensor_of(graph, node.args[1]), bias_of(graph, node)
        found[name] = quantize_for(grid, weight, bias, search=search)
    return found


def quantize_for(
    read: QParams | None, weight: Tensor, bias: Tensor | None, *, search: bool
) -> QuantizedWeight:
    """:func:`quantize_weight` of ``weight`` (out, ...) and ``bias`` (out,) for a layer that reads
    values on the grid ``read``; None: floats."""
    if read is None:  # a float accumulator takes any bias
        return quantize_weight(weight, None, 1.0, search=search)
    return quantize_weight(weight, bias, read.scale, search=search)


def _rounded(flat: Tensor, scale: Tensor) -> Tensor:
    return torch.clamp(torch.round(flat / scale[:, None]), -WEIGHT_MAX, WEIGHT_MAX)
