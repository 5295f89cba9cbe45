"""Graphs that normalize an image's pixels themselves, in floats."""

from __future__ import annotations

import torch
from torch.fx import GraphModule

from quantize.graph.passes.surgery import aten, constant
from zoo.input_spec import InputSpec


def normalize_inside(graph: GraphModule, spec: InputSpec, *, from_bytes: bool = False) -> None:
    """Let ``graph`` take pixels, 0 to 255, (1, 3, H, W), and normalize them, a channel at a time;
    ``from_bytes`` if they are uint8, else they are float32.

    XNNPACK's delegate (executorch 1.5) takes no uint8 and mixes no two integer types, so a portable
    kernel makes floats of pixels there; the product and the sum behind it are the delegate's, and
    the values that become int8 those of the float input. Integers all the way, by a depthwise
    convolution, took longer (x86-64) and rounded once more.
    """
    (image,) = graph.graph.find_nodes(op="placeholder")
    readers = list(image.users)
    first = readers[0]
    scale, shift = (
        constant(graph, first, name, torch.tensor(values).reshape(1, -1, 1, 1))
        for name, values in zip(("pixel_scale", "pixel_shift"), spec.of_pixels, strict=True)
    )
    floats = image
    with graph.graph.inserting_before(first):
        if from_bytes:
            image.meta.pop("val", None)
            floats = graph.graph.call_function(
                aten._to_copy.default, (image,), {"dtype": torch.float32}
            )
        scaled = graph.graph.call_function(aten.mul.Tensor, (floats, scale))
        normalized = graph.graph.call_function(aten.add.Tensor, (scaled, shift))
    for reader in readers:
        reader.replace_input_with(image, normalized)
    graph.recompile()
