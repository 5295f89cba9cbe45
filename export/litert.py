"""LiteRT (TensorFlow Lite) ``.tflite`` files."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path

from export.base import (
    MAIN_VARIANT,
    ExportResult,
    ExportSource,
    Precision,
    Variant,
    cannot_express,
    require,
)
from export.tflite_interface import with_float_interface
from quantize.hard_swish import product_form
from quantize.qdq import to_reference_dialect


class LiteRTExporter:
    """Converts with litert-torch; int8 keeps a float32 interface like every other artefact."""

    format = "litert"
    suffix = ".tflite"

    def variants(self, precision: Precision) -> Sequence[Variant]:
        """One file."""
        return MAIN_VARIANT

    def export(
        self, source: ExportSource, path: Path, variant: Variant = MAIN_VARIANT[0]
    ) -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        litert_torch = require("litert_torch", "litert")
        int8 = source.precision == "int8"
        config, passes = None, dict[str, int]()
        if int8:
            quantizer = require("litert_torch.quantize.pt2e_quantizer", "litert")
            quant_config = require("litert_torch.quantize.quant_config", "litert")
            # Only its kind is read: it makes the converter fold our static int8 annotations.
            static = quantizer.PT2EQuantizer().set_global(
                quantizer.get_symmetric_quantization_config(is_per_channel=True)
            )
            config = quant_config.QuantConfig(pt2e_quantizer=static)
            program, passes["hard_swish_product"] = product_form(source.quantized())
            graph = to_reference_dialect(program, float_weights=True)
        else:
            graph = source.graph
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                edge = litert_torch.convert(graph.eval(), (source.example,), quant_config=config)
                edge.export(str(path))
        except Exception as error:
            raise cannot_express(self.format, error) from error
        if int8:
            path.write_bytes(with_float_interface(path.read_bytes()))
        return ExportResult(passes)
