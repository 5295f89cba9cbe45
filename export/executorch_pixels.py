"""An ExecuTorch graph whose input is pixels."""

from __future__ import annotations

import torch
from torch.fx import GraphModule

from quantize.graph.passes.surgery import aten, constant
from zoo.input_spec import InputSpec


def take_pixels(graph: GraphModule, spec: InputSpec) -> None:
    """Let ``graph`` take uint8 (1, 3, H, W) and normalize it, a channel plane at a time.

    XNNPACK's delegate (executorch 1.5) takes no uint8 and mixes no two integer types, so a portable
    kernel makes floats of pixels; the product and the sum behind it are the delegate's, and the
    values that become int8 those of the float input. Integers all the way, by a depthwise
    convolution, took longer (x86-64) and rounded once more.
    """
    (image,) = (node for node in graph.graph.nodes if node.op == "placeholder")
    image.meta.pop("val", None)
    mean, std = (torch.tensor(values, dtype=torch.float64) for values in (spec.mean, spec.std))
    readers = list(image.users)
    first = readers[0]
    scale = constant(graph, first, "pixel_scale", _planes(1 / (255 * std)))
    shift = constant(graph, first, "pixel_shift", _planes(-mean / std))
    with graph.graph.inserting_before(first):
        floats = graph.graph.call_function(
            aten._to_copy.default, (image,), {"dtype": torch.float32}
        )
        scaled = graph.graph.call_function(aten.mul.Tensor, (floats, scale))
        normalized = graph.graph.call_function(aten.add.Tensor, (scaled, shift))
    for reader in readers:
        reader.replace_input_with(image, normalized)
    graph.recompile()


def _planes(values: torch.Tensor) -> torch.Tensor:
    return values.float().reshape(1, -1, 1, 1)
