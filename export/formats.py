"""The formats, in the order the manifest and the report list them."""

from __future__ import annotations

from export.base import Exporter
from export.coreml import CoreMLExporter
from export.executorch import ExecuTorchExporter
from export.litert import LiteRTExporter
from export.onnx import OnnxExporter
from export.torchscript import TorchScriptExporter

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
