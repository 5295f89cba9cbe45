"""What writes each format."""

from __future__ import annotations

from export.base import Exporter
from export.coreml import CoreMLExporter
from export.executorch import ExecuTorchExporter
from export.format_info import FORMAT_INFO, PIXELS
from export.litert import LiteRTExporter
from export.onnx import OnnxExporter
from export.torchscript import TorchScriptExporter
from quantize.forms.pixels import takes_pixels
from quantize.program import Program

FORMATS: dict[str, Exporter] = {
    exporter.format: exporter
    for exporter in (
        ExecuTorchExporter(),
        TorchScriptExporter(),
        OnnxExporter(),
        CoreMLExporter(),
        LiteRTExporter(),
    )
}


def left_out(fmt: str, program: Program) -> str | None:
    """Why ``fmt`` cannot hold ``program``, or None where it can."""
    if program.weights_only and not FORMAT_INFO[fmt].weights_only:
        return "it has no kernels with int8 weights and float activations"
    return None


def pixels_left_out(fmt: str, program: Program | None) -> str | None:
    """Why ``fmt`` has no variant of ``program``, of the float network if None, that takes pixels,
    or None where it has."""
    # A picture is normalized in floats, whatever the first layer reads.
    if FORMAT_INFO[fmt].pixel_variant != PIXELS or program is None or takes_pixels(program):
        return None
    return "its first layer reads floats"
