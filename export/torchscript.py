"""TorchScript ``.pt`` files: float, and int8 for the QNNPACK engine."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from export.base import (
    ExportResult,
    ExportSource,
    converter_errors,
)
from export.qnnpack import to_quantized_module
from export.stored_names import INPUT_SHAPE, LABELS_FILE, METADATA_FILE, OUTPUT_NAMES
from export.torchscript_archive import canonical


class TorchScriptExporter:
    """Traces and freezes; int8 calls ATen's quantized operators with the program's scales."""

    format = "torchscript"

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        before = torch.backends.quantized.engine
        try:
            with converter_errors(self.format), warnings.catch_warnings():
                # torch deprecates TorchScript in favour of ExecuTorch; phones still run it.
                warnings.simplefilter("ignore")
                # Weights are packed for the engine that is set while they are.
                torch.backends.quantized.engine = "qnnpack"
                module: nn.Module = source.graph
                passes: dict[str, int] = {}
                if source.precision == "int8":
                    module, passes = to_quantized_module(source.quantized())
                trace: Any = torch.jit.trace
                traced = trace(module.eval(), source.example, check_trace=False)
                frozen = torch.jit.freeze(traced)
                # TorchScript keeps neither shapes nor names; readers take them from here.
                extra = {INPUT_SHAPE: ",".join(str(size) for size in source.input_spec.shape)}
                if source.stored_names:
                    extra[OUTPUT_NAMES] = "\n".join(source.stored_names)
                if source.description is not None:
                    extra[LABELS_FILE] = source.description.label_lines
                    told = source.description.properties("nchw", "float32", source.interface)
                    extra[METADATA_FILE] = json.dumps(told)
                # A file saved under a path holds that path's name, a temporary one.
                archive = io.BytesIO()
                torch.jit.save(frozen, archive, _extra_files=extra)
                path.write_bytes(canonical(archive.getvalue()))
        finally:
            torch.backends.quantized.engine = before
        return ExportResult(passes)
