"""ExecuTorch ``.pte`` files whose graph runs in the XNNPACK delegate."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from torch.fx import GraphModule

from export.base import (
    ExportResult,
    ExportSource,
    converter_errors,
    input_type,
)
from export.delegated_forms import delegated_forms
from export.format_info import PIXELS
from export.half import in_half_precision
from export.normalizing import normalize_inside
from export.packages import require
from export.stored_names import LABELS, METADATA, OUTPUT_NAMES
from export.tracing import light_tracing
from quantize.forms.qdq import quantized, to_reference_dialect
from quantize.graph.passes import run
from quantize.graph.passes.gates import fold_hard_sigmoid
from quantize.graph.passes.surgery import argument, aten, calls, is_call, shape_of

_FLATTEN = (aten.flatten.using_ints, aten.view.default, aten.reshape.default)
#: Operators that compute the same in every memory format, and are lowered the same.
_LAYOUT_FREE = frozenset(
    {
        aten.conv2d.default,
        aten.linear.default,
        aten.max_pool2d.default,
        aten.add.Tensor,
        aten.mul.Tensor,
        aten.relu.default,
        aten.hardtanh.default,
        aten.hardswish.default,
        aten.hardsigmoid.default,
        aten.sigmoid.default,
        aten.silu.default,
        quantized.quantize_per_tensor.default,
        quantized.dequantize_per_tensor.default,
        quantized.dequantize_per_channel.default,
    }
)


class ExecuTorchExporter:
    """Lowers through the edge dialect to XNNPACK.

    fp16 computes in float16, which cores from ARMv8.2 on do natively; x86 converts around it.
    """

    format = "executorch"

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        exir = require("executorch.exir", "executorch")
        partitioners = require(
            "executorch.backends.xnnpack.partition.xnnpack_partitioner", "executorch"
        )
        graph, configs, passes = _prepared(source)
        example = source.example
        if variant == PIXELS:
            normalize_inside(graph, source.input_spec, from_bytes=True)
            example = example.to(torch.uint8)
        with converter_errors(self.format), light_tracing():
            lowered = exir.to_edge_transform_and_lower(
                torch.export.export(graph, (example,)),
                partitioner=[partitioners.XnnpackPartitioner(configs=configs)],
                constant_methods=_told(source, variant),
                compile_config=exir.EdgeCompileConfig(_check_ir_validity=False),
            ).to_executorch()
        with path.open("wb") as stream:
            lowered.write_to_file(stream)
        return ExportResult(passes)


def _told(source: ExportSource, variant: str) -> dict[str, Any] | None:
    """Methods of the program that say what it is, each text as its UTF-8 bytes."""
    texts = {}
    if source.stored_names:
        texts[OUTPUT_NAMES] = "\n".join(source.stored_names)
    if source.description is not None:
        told = source.description.properties("nchw", input_type(variant), source.interface)
        texts[METADATA] = json.dumps(told)
        if source.description.labels:
            texts[LABELS] = source.description.label_lines
    return {
        name: torch.tensor(list(text.encode()), dtype=torch.uint8) for name, text in texts.items()
    } or None


def _prepared(source: ExportSource) -> tuple[GraphModule, list[Any] | None, dict[str, int]]:
    """The graph to lower, the partitioner's configurations, and what was rewritten."""
    passes: dict[str, int] = {}
    if source.precision == "int8":
        graph, configs = to_reference_dialect(source.quantized()), None
        passes["delegated_forms"] = delegated_forms(graph)
        if source.prepares("float_transpose"):
            passes["float_transpose"] = _float_transpose(graph)
        if source.prepares("integer_hard_swish"):
            passes["integer_hard_swish"] = len(list(calls(graph, aten.hardswish.default)))
            configs = _integer_configs()
        graph.recompile()
        return graph, configs, passes
    graph = copy.deepcopy(source.graph)
    if source.prepares("fold_hard_sigmoid"):
        passes = run(graph, (fold_hard_sigmoid,))
    passes["delegated_forms"] = delegated_forms(graph, half=source.precision == "fp16")
    graph.recompile()
    if source.precision == "fp16":
        graph = in_half_precision(graph)
    return graph, None, passes


def _float_transpose(graph: GraphModule) -> int:
    """Change the images' layout before they become int8, not after; images whose layout changed.

    XNNPACK's transposition of bytes takes twice as long as that of floats for three channels
    (executorch 1.5.1, x86-64). From here on the graph's values are channels_last, in which an
    adaptive pool would be lowered to strided copies outside the delegate, so pools become means; a
    graph with an operator that may see the layout stays as it is.
    """
    for node in graph.graph.nodes:
        if node.op != "call_function" or node.target in _LAYOUT_FREE:
            continue
        if is_call(node, aten.adaptive_avg_pool2d.default) and argument(node, 1) == [1, 1]:
            continue
        flattened = is_call(node, *_FLATTEN) and shape_of(node.all_input_nodes[0])[2:] == (1, 1)
        if not flattened:
            return 0
    for pool in calls(graph, aten.adaptive_avg_pool2d.default):
        pool.target, pool.args = aten.mean.dim, (pool.args[0], [2, 3], True)
    changed = 0
    for node in [n for n in graph.graph.nodes if n.op == "placeholder"]:
        with graph.graph.inserting_after(node):
            moved = graph.graph.call_function(
                aten._to_copy.default, (node,), {"memory_format": torch.channels_last}
            )
        node.replace_all_uses_with(moved, lambda user, moved=moved: user is not moved)
        changed += 1
    graph.recompile()
    return changed


def _integer_configs() -> list[Any]:
    """The stock partitioner configurations, with hard-swish allowed in int8.

    XNNPACK runs a quantized hard-swish as a table lookup; the stock configuration keeps it in
    float with a conversion on both sides.
    """
    config = require("executorch.backends.xnnpack.partition.config", "executorch")
    generic = require(
        "executorch.backends.xnnpack.partition.config.generic_node_configs", "executorch"
    )
    base: Any = generic.HardswishConfig
    precisions = generic.ConfigPrecisionType

    class IntegerHardswishConfig(base):  # type: ignore[misc]
        def supported_precision_types(self) -> list[Any]:
            return [precisions.FP32, precisions.STATIC_QUANT]

    return [
        IntegerHardswishConfig if entry is base else entry
        for entry in config.ALL_PARTITIONER_CONFIGS
    ]
