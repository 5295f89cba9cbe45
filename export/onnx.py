"""ONNX models: float, and QDQ int8 that onnxruntime fuses into integer kernels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from export.base import (
    INPUT_NAME,
    MAIN_VARIANT,
    OUTPUT_NAME,
    ExportResult,
    ExportSource,
    Precision,
    Variant,
    cannot_express,
    require,
)
from export.onnx_qdq import finish_qdq
from quantize.hard_swish import product_form
from quantize.qdq import to_reference_dialect


class OnnxExporter:
    """Exports with torch.onnx (opset 20) and finishes the QDQ graph for onnxruntime."""

    format = "onnx"
    suffix = ".onnx"

    def variants(self, precision: Precision) -> Sequence[Variant]:
        """int8 has uint8 activations for x86 (main) and int8 activations for ARM."""
        if precision == "fp32":
            return MAIN_VARIANT
        return (
            Variant("", "U8S8: uint8 activations, the fast kernels of x86"),
            Variant("s8s8", "S8S8: int8 activations, the fast kernels of ARM"),
        )

    def export(
        self, source: ExportSource, path: Path, variant: Variant = MAIN_VARIANT[0]
    ) -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        require("onnxscript", "onnx")
        onnx = require("onnx", "onnx")
        int8 = source.precision == "int8"
        passes: dict[str, int] = {}
        graph = source.graph
        if int8:
            program, passes["hard_swish_product"] = product_form(source.quantized())
            graph = to_reference_dialect(program)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exported = torch.onnx.export(
                    torch.export.export(graph, (source.example,)),
                    (source.example,),
                    dynamo=True,
                    opset_version=20,
                    input_names=[INPUT_NAME],
                    output_names=[OUTPUT_NAME],
                    verbose=False,
                )
            assert exported is not None
            model = exported.model_proto
        except Exception as error:
            raise cannot_express(self.format, error) from error
        if int8:
            passes |= finish_qdq(model, unsigned=variant.name != "s8s8")
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return ExportResult(passes)
