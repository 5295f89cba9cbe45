"""ExecuTorch ``.pte`` files whose graph runs in the XNNPACK delegate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from export.base import (
    MAIN_VARIANT,
    ExportResult,
    ExportSource,
    Precision,
    Variant,
    cannot_express,
    require,
)
from quantize.qdq import to_reference_dialect


class ExecuTorchExporter:
    """Lowers through the edge dialect to XNNPACK."""

    format = "executorch"
    suffix = ".pte"

    def variants(self, precision: Precision) -> Sequence[Variant]:
        """One file."""
        return MAIN_VARIANT

    def export(
        self, source: ExportSource, path: Path, variant: Variant = MAIN_VARIANT[0]
    ) -> ExportResult:
        """Write ``path``; see :class:`export.base.Exporter`."""
        exir = require("executorch.exir", "executorch")
        partitioners = require(
            "executorch.backends.xnnpack.partition.xnnpack_partitioner", "executorch"
        )
        if source.precision == "int8":
            graph, configs = to_reference_dialect(source.quantized()), _integer_configs()
        else:
            graph, configs = source.graph, None
        try:
            program = torch.export.export(graph, (source.example,))
            lowered = exir.to_edge_transform_and_lower(
                program,
                partitioner=[partitioners.XnnpackPartitioner(configs=configs)],
                compile_config=exir.EdgeCompileConfig(_check_ir_validity=False),
            ).to_executorch()
        except Exception as error:
            raise cannot_express(self.format, error) from error
        with path.open("wb") as stream:
            lowered.write_to_file(stream)
        return ExportResult()


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
