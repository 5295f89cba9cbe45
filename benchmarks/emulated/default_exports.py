"""Each library's documented default export, float and int8, of a torch module.

These are what the emulated figures and the tests of the targets run: they need no fbdeploy
exporter and show what a user gets by following each library's guide. Without ``calibration`` images
they calibrate on noise, which is enough where only speed is looked at.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Exporter = Callable[[nn.Module, Tensor, Path], None]


def calibration_batches(example: Tensor, count: int = 8) -> list[Tensor]:
    """``count`` float32 batches shaped like ``example``: normal noise from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(example.shape, generator=generator) for _ in range(count)]


def executorch_fp32(module: nn.Module, example: Tensor, path: Path) -> None:
    """ExecuTorch's XNNPACK guide: export, partition, write the .pte."""
    _write_pte(torch.export.export(module, (example,)), path)


def executorch_int8(
    module: nn.Module, example: Tensor, path: Path, calibration: Sequence[Tensor] = ()
) -> None:
    """ExecuTorch's XNNPACK guide: PT2E with the symmetric per-channel XNNPACKQuantizer."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer().set_global(
        get_symmetric_quantization_config(is_per_channel=True)
    )
    prepared = prepare_pt2e(torch.export.export(module, (example,)).module(), quantizer)
    for batch in calibration or calibration_batches(example):
        prepared(batch)
    _write_pte(torch.export.export(convert_pt2e(prepared), (example,)), path)


def _write_pte(program: torch.export.ExportedProgram, path: Path) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    path.write_bytes(lowered.to_executorch().buffer)


def onnx_fp32(module: nn.Module, example: Tensor, path: Path) -> None:
    """torch.onnx.export of the dynamo exporter, weights in the file."""
    torch.onnx.export(
        module,
        (example,),
        path,
        dynamo=True,
        input_names=["input"],
        output_names=["logits"],
        external_data=False,
        verbose=False,
    )


def onnx_int8(
    module: nn.Module, example: Tensor, path: Path, calibration: Sequence[Tensor] = ()
) -> None:
    """onnxruntime's guide: shape inference as pre-processing, then quantize_static's defaults."""
    _quantize_static(module, example, path, calibration, {})


def onnx_best(
    module: nn.Module, example: Tensor, path: Path, calibration: Sequence[Tensor] = ()
) -> None:
    """onnxruntime's guide for x86: QDQ, uint8 activations, int8 weights per channel."""
    from onnxruntime.quantization import QuantType

    options = {
        "per_channel": True,
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QInt8,
    }
    _quantize_static(module, example, path, calibration, options)


def _quantize_static(
    module: nn.Module,
    example: Tensor,
    path: Path,
    calibration: Sequence[Tensor],
    options: dict[str, Any],
) -> None:
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches = iter(calibration or calibration_batches(example))

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"input": batch.numpy()}

    float_path, prepared = path.with_suffix(".float.onnx"), path.with_suffix(".prepared.onnx")
    onnx_fp32(module, example, float_path)
    quant_pre_process(float_path, prepared)
    quantize_static(prepared, path, Reader(), **options)
    float_path.unlink()
    prepared.unlink()


def litert_fp32(module: nn.Module, example: Tensor, path: Path) -> None:
    """litert_torch.convert of the module as it is (NCHW input)."""
    import litert_torch

    litert_torch.convert(module, (example,)).export(str(path))


def litert_int8(
    module: nn.Module, example: Tensor, path: Path, calibration: Sequence[Tensor] = ()
) -> None:
    """ai-edge-quantizer's static int8 recipe, with float input and output as in every format."""
    from ai_edge_quantizer import qtyping, quantizer, recipe

    float_path = path.with_suffix(".float.tflite")
    litert_fp32(module, example, float_path)
    job = quantizer.Quantizer(str(float_path), recipe.static_wi8_ai8())
    for name in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
        job.update_quantization_recipe(".*", name, algorithm_key="no_quantize")
    signature = "serving_default"
    data = [{"args_0": batch.numpy()} for batch in calibration or calibration_batches(example)]
    job.quantize(job.calibrate({signature: data})).export_model(str(path), overwrite=True)
    float_path.unlink()


EXPORTERS: dict[tuple[str, str], tuple[Exporter, str]] = {
    ("executorch", "fp32"): (executorch_fp32, "pte"),
    ("executorch", "int8"): (executorch_int8, "pte"),
    ("onnxruntime", "fp32"): (onnx_fp32, "onnx"),
    ("onnxruntime", "int8"): (onnx_int8, "onnx"),
    ("litert", "fp32"): (litert_fp32, "tflite"),
    ("litert", "int8"): (litert_int8, "tflite"),
}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what the exporters print on stdout and stderr, also from native code."""
    logging.disable(logging.WARNING)
    with Path(os.devnull).open("w") as null, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        saved = os.dup(1), os.dup(2)
        os.dup2(null.fileno(), 1)
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)
            logging.disable(logging.NOTSET)
