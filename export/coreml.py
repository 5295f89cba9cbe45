"""Core ML ML programs (``.mlpackage``) for iOS 17 and later."""

from __future__ import annotations

import logging
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
from quantize.qdq import to_reference_dialect


class CoreMLExporter:
    """Converts with coremltools; int8 is W8A8 with the program's own scales."""

    format = "coreml"
    suffix = ".mlpackage"

    def variants(self, precision: Precision) -> Sequence[Variant]:
        """One package."""
        return MAIN_VARIANT

    def export(
        self, source: ExportSource, path: Path, variant: Variant = MAIN_VARIANT[0]
    ) -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        # coremltools warns at import of every native library that only macOS has.
        logging.getLogger("coremltools").setLevel(logging.ERROR)
        coremltools = require("coremltools", "coreml")
        int8 = source.precision == "int8"
        graph = to_reference_dialect(source.quantized()) if int8 else source.graph
        try:
            program = torch.export.export(graph, (source.example,)).run_decompositions({})
            model = coremltools.convert(
                program,
                convert_to="mlprogram",
                # iOS 17 is the first to run int8 activations.
                minimum_deployment_target=coremltools.target.iOS17,
                compute_precision=coremltools.precision.FLOAT32,
                inputs=[coremltools.TensorType(INPUT_NAME, source.input_spec.shape)],
                outputs=[coremltools.TensorType(OUTPUT_NAME)],
                skip_model_load=True,
            )
        except Exception as error:
            raise cannot_express(self.format, error) from error
        model.save(str(path))
        return ExportResult()
