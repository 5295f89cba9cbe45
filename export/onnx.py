"""ONNX models: float, and QDQ int8 that onnxruntime fuses into integer kernels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from export.base import (
    ExportResult,
    ExportSource,
    converter_errors,
    input_type,
)
from export.description import MAKER, Description
from export.format_info import INPUT_NAME, PIXELS
from export.onnx_pixels import take_pixels
from export.onnx_qdq import finish_qdq
from export.packages import require
from export.tracing import light_tracing
from quantize.forms.hard_swish import product_form
from quantize.forms.pixels import from_pixels
from quantize.forms.qdq import to_reference_dialect

_CALL_STACK = "pkg.torch.onnx.stack_trace"


class OnnxExporter:
    """Exports with torch.onnx (opset 20) and finishes the QDQ graph for onnxruntime.

    fp16 stores the weights as float16 and computes in float32, since onnxruntime's processor
    kernels are float32: half the file at the same speed.
    """

    format = "onnx"

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        require("onnxscript", "onnx")
        onnx = require("onnx", "onnx")
        with converter_errors(self.format):
            pixels = variant == PIXELS
            kept = "pixel model" if pixels else "model"
            if kept not in source.shared:
                source.shared[kept] = _converted(source, pixels=pixels)
            converted, passes = source.shared[kept]
            model = onnx.ModelProto()
            model.CopyFrom(converted)
        if source.precision == "int8":
            unsigned = variant != "s8s8"
            passes = passes | finish_qdq(model, unsigned=unsigned, skipped=source.skipped)
            if pixels:
                take_pixels(model)
        elif source.precision == "fp16":
            passes = passes | {"half_weights": _halve_weights(onnx, model)}
        if source.description is not None:
            told = source.description.properties("nchw", input_type(variant), source.interface)
            _describe(onnx, model, source.description, told)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return ExportResult(passes)


def _converted(source: ExportSource, *, pixels: bool) -> tuple[Any, dict[str, int]]:
    """torch.onnx's model, and what was rewritten before; with ``pixels``, of those."""
    graph, passes = source.graph, dict[str, int]()
    if source.precision == "int8":
        program = source.quantized()
        if source.prepares("hard_swish_product"):
            program, passes["hard_swish_product"] = product_form(program)
        if pixels:
            program = from_pixels(program)
        graph = to_reference_dialect(program)
    with light_tracing(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.onnx.export(
            torch.export.export(graph, (source.example,)),
            (source.example,),
            dynamo=True,
            opset_version=20,
            input_names=[INPUT_NAME],
            output_names=list(source.interface.names),
            verbose=False,
        )
    assert exported is not None
    model = exported.model_proto
    for node in model.graph.node:
        # A file tells nobody in which folders it was made.
        told = [entry for entry in node.metadata_props if entry.key != _CALL_STACK]
        del node.metadata_props[:]
        node.metadata_props.extend(told)
    return model, passes


def _describe(onnx: Any, model: Any, description: Description, told: dict[str, str]) -> None:
    """Say in the model's own properties what it is."""
    model.producer_name, model.producer_version = MAKER, description.version
    model.graph.name = description.network
    onnx.helper.set_model_props(model, told)


def _halve_weights(onnx: Any, model: Any) -> int:
    """Store weights as float16 behind a Cast, which onnxruntime folds when it loads the model."""
    graph = model.graph
    layers = [node for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    read = {node.input[1] for node in layers}
    weights = [entry for entry in graph.initializer if entry.name in read]
    for entry in weights:
        name = entry.name
        half = onnx.numpy_helper.to_array(entry).astype(np.float16)
        entry.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}_half"))
        widen = onnx.helper.make_node("Cast", [entry.name], [name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, widen)
    return len(weights)
