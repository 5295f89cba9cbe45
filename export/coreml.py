"""Core ML ML programs (``.mlpackage``) for iOS 17 and later."""

from __future__ import annotations

import copy
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from export.base import (
    ExportResult,
    ExportSource,
    converter_errors,
)
from export.coreml_forms import dilated_max_pools
from export.description import MAKER, Description
from export.format_info import INPUT_NAME
from export.half import fits_half
from export.packages import require
from export.tracing import light_tracing
from quantize.forms.hard_swish import float_between
from quantize.forms.qdq import to_reference_dialect


class CoreMLExporter:
    """Converts with coremltools; fp16 computes in float16, the Neural Engine's own type.

    int8 is W8A8 with the program's own scales in the patterns of coremltools' CoreMLQuantizer: a
    layer with its activation, a sum, a product between int8 values; float16 elsewhere, or float32
    where float16 cannot hold the program's values.
    """

    format = "coreml"

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        coremltools = _coremltools()
        graph, passes, spec = source.graph, dict[str, int](), source.input_spec
        half = source.precision != "fp32"
        if source.precision == "int8":
            program = source.quantized()
            if source.prepares("fused_hard_swish"):
                program, passes["fused_hard_swish"] = float_between(program)
            half = fits_half(program)
            passes["float32_computation"] = int(not half)
            graph = to_reference_dialect(program)
        else:
            graph = copy.deepcopy(graph)
        passes["dilated_max_pools"] = dilated_max_pools(graph, half=half)
        with converter_errors(self.format):
            with light_tracing():
                program = torch.export.export(graph, (source.example,)).run_decompositions({})
            model = coremltools.convert(
                program,
                convert_to="mlprogram",
                # iOS 17 is the first to run int8 activations.
                minimum_deployment_target=coremltools.target.iOS17,
                compute_precision=(
                    coremltools.precision.FLOAT16 if half else coremltools.precision.FLOAT32
                ),
                # Without a type, both are float16 where the computation is.
                inputs=[coremltools.TensorType(INPUT_NAME, spec.shape, dtype=np.float32)],
                outputs=[
                    coremltools.TensorType(name, dtype=np.float32)
                    for name in source.interface.names
                ],
                skip_model_load=True,
            )
        if source.description is not None:
            _describe(model, source.description)
        model.save(str(path))
        return ExportResult(passes)


def _describe(model: Any, description: Description) -> None:
    """Fill in the fields that Xcode and Core ML show."""
    model.author, model.version = MAKER, description.version
    model.short_description = f"{description.network}: {description.task} of images"
    if description.license:
        model.license = description.license
    model.input_description[INPUT_NAME] = "RGB image (1, 3, height, width), normalized"
    model.user_defined_metadata.update(description.properties("nchw"))


def _coremltools() -> ModuleType:
    # It warns at import of every native library that only macOS has.
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    hidden = "executorch" not in sys.modules
    if hidden:
        # It imports ExecuTorch's exporter, if there is one, for programs of that kind: 3 seconds.
        sys.modules["executorch"] = None  # type: ignore[assignment]
    try:
        return require("coremltools", "coreml")
    finally:
        if hidden:
            del sys.modules["executorch"]
