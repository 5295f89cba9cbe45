"""LiteRT (TensorFlow Lite) ``.tflite`` files."""

from __future__ import annotations

import contextlib
import copy
import io
from pathlib import Path

import torch
from torch.fx import GraphModule

from export.base import (
    ExportResult,
    ExportSource,
    converter_errors,
    input_type,
)
from export.format_info import FORMAT_INFO, PIXELS
from export.litert_float import restore_float_operators
from export.litert_forms import whole_transposed_convolutions
from export.litert_resize import ends_in_float_resize, with_float_resize
from export.packages import require
from export.tflite_interface import with_outer_interface, with_output_names
from export.tflite_metadata import TfliteMetadata, with_metadata
from export.tracing import light_tracing
from quantize.forms.hard_swish import product_form
from quantize.forms.pixels import from_pixels
from quantize.forms.qdq import to_reference_dialect
from quantize.graph.operators import WEIGHTED
from quantize.graph.passes.surgery import bias_of, calls


class LiteRTExporter:
    """Converts with litert-torch; int8 has a float32 interface like every other artefact, or
    takes pixels and gives float32. Images
    are (1, height, width, 3), unless the source asks for the other layout.

    fp16 stores weights as float16, which the XNNPACK delegate widens once, or computes with where
    the application asks for float16 and the core has it; GPU delegates compute in float16.
    """

    format = "litert"

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        litert_torch = require("litert_torch", "litert")
        int8, pixels = source.precision == "int8", variant == PIXELS
        config, passes = None, dict[str, int]()
        if int8:
            quantizer = require("litert_torch.quantize.pt2e_quantizer", "litert")
            quant_config = require("litert_torch.quantize.quant_config", "litert")
            # Only its kind is read: it makes the converter fold our static int8 annotations.
            static = quantizer.PT2EQuantizer().set_global(
                quantizer.get_symmetric_quantization_config(is_per_channel=True)
            )
            config = quant_config.QuantConfig(pt2e_quantizer=static)
            program = source.quantized()
            if source.prepares("hard_swish_product"):
                program, passes["hard_swish_product"] = product_form(program, exact_gate=True)
            if pixels:
                program = from_pixels(program)
            graph = to_reference_dialect(program, float_weights=True)
            passes["uneven_biases"] = _uneven_biases(graph)
        else:
            graph = copy.deepcopy(source.graph)
        passes["whole_transposed_convolutions"] = whole_transposed_convolutions(graph)
        module, example = graph.eval(), source.example
        if FORMAT_INFO[self.format].layout(source.layout) == "nhwc":
            # The converter's own layout is NHWC: both transpositions go.
            module = litert_torch.to_channel_last_io(module, args=[0])
            example = example.permute(0, 2, 3, 1).contiguous()
        quiet = contextlib.redirect_stdout(io.StringIO())
        with converter_errors(self.format), light_tracing(), quiet:
            edge = litert_torch.convert(module, (example,), quant_config=config)
            edge.export(str(path))
        if int8:
            early = source.prepares("float_transpose")
            content, restored = restore_float_operators(path.read_bytes(), program)
            passes["restored_float_operators"] = restored
            if ends_in_float_resize(program):
                content = with_float_resize(content)
            content, moved = with_outer_interface(
                content, pixels=pixels, transpose_first=early and not pixels
            )
            passes["float_transpose"] = moved
            path.write_bytes(content)
        elif source.precision == "fp16":
            _halve_weights(path)
        if source.stored_names:
            path.write_bytes(with_output_names(path.read_bytes(), source.stored_names))
        if source.description is not None:
            layout = FORMAT_INFO[self.format].layout(source.layout)
            told = TfliteMetadata(source.description, layout, input_type(variant), source.interface)
            path.write_bytes(with_metadata(path.read_bytes(), told))
        return ExportResult(passes)


def _uneven_biases(graph: GraphModule) -> int:
    """Let no layer's bias be one value for all channels; how many were.

    The converter divides such a bias by the first channel's scale alone (litert-torch 0.10.0): a
    gate's bias of 1/2, which folding a hard-sigmoid leaves, became anything from 0.4 to 0.7. The
    last bit of one element makes it several values.
    """
    changed = 0
    for node in calls(graph, *WEIGHTED):
        bias = bias_of(graph, node)
        if bias is not None and len(bias) > 1 and bool((bias == bias[0]).all() & (bias[0] != 0)):
            bias[0] = torch.nextafter(bias[0], torch.zeros(()))
            changed += 1
    return changed


def _halve_weights(path: Path) -> None:
    """Rewrite a float ``.tflite`` with its weights as float16 behind DEQUANTIZE."""
    quantizer = require("ai_edge_quantizer.quantizer", "litert")
    manager = require("ai_edge_quantizer.algorithm_manager", "litert")
    types = require("ai_edge_quantizer.qtyping", "litert")
    job = quantizer.Quantizer(str(path))
    job.update_quantization_recipe(
        ".*",
        types.TFLOperationName.ALL_SUPPORTED,
        algorithm_key=manager.AlgorithmName.FLOAT_CASTING,
        op_config=types.OpQuantizationConfig(
            weight_tensor_config=types.TensorQuantizationConfig(
                num_bits=16, dtype=types.TensorDataType.FLOAT
            ),
            compute_precision=types.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        ),
    )
    job.quantize().export_model(str(path), overwrite=True)
