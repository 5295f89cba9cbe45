"""A tiny network and its artefacts, each made by the format's own documented exporter."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

SIZE = 32
CLASSES = 7
SHAPE = (1, 3, SIZE, SIZE)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.relu = nn.ReLU()
        self.expand = nn.Conv2d(channels // 4, channels, 1)
        self.gate = nn.Hardsigmoid()
        self.product = nn.quantized.FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gate(self.expand(self.relu(self.reduce(self.pool(x)))))
        return self.product.mul(x, scale)


def tiny_network() -> nn.Module:
    """Stem with hard-swish, depthwise conv, squeeze-excite, classifier: (1, 3, 32, 32) -> (1, 7).

    Batch norm is folded, so that every exporter starts from the same weights.
    """
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1),
        nn.Hardswish(),
        nn.Conv2d(8, 16, 1),
        nn.ReLU6(),
        nn.Conv2d(16, 16, 3, 2, 1, groups=16),
        nn.ReLU(),
        SqueezeExcite(16),
        nn.Conv2d(16, 24, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(24, CLASSES),
    )
    return network.eval()


def images(count: int, seed: int = 1) -> np.ndarray:
    """float32 (count, 3, 32, 32)."""
    return np.random.default_rng(seed).standard_normal((count, *SHAPE[1:]), np.float32)


def answers(network: nn.Module, batch: np.ndarray) -> np.ndarray:
    """Logits float32 (N, 7) of the float network."""
    with torch.inference_mode():
        return network(torch.from_numpy(batch)).numpy()


def _example() -> tuple[Tensor]:
    return (torch.zeros(SHAPE),)


def _pt2e(network: nn.Module) -> nn.Module:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    quantizer = XNNPACKQuantizer().set_global(
        get_symmetric_quantization_config(is_per_channel=True)
    )
    prepared = prepare_pt2e(torch.export.export(network, _example()).module(), quantizer)
    for image in images(32, seed=2):
        prepared(torch.from_numpy(image[None]))
    return convert_pt2e(prepared)


def executorch_fp32(
    network: nn.Module, path: Path, example: tuple[Tensor, ...] | None = None
) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.export(network, example or _example())
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    path.write_bytes(lowered.to_executorch().buffer)


def executorch_int8(network: nn.Module, path: Path) -> None:
    executorch_fp32(_pt2e(network), path)


def torchscript_fp32(network: nn.Module, path: Path) -> None:
    traced = torch.jit.trace(network, _example())
    torch.jit.save(traced, str(path), _extra_files={"input_shape": ",".join(map(str, SHAPE))})


def torchscript_int8(network: nn.Module, path: Path) -> None:
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    torch.backends.quantized.engine = "qnnpack"
    mapping = get_default_qconfig_mapping("qnnpack")
    prepared = prepare_fx(copy.deepcopy(network), mapping, _example())
    prepared(torch.from_numpy(images(32, seed=2)))
    torchscript_fp32(convert_fx(prepared), path)


def onnx_fp32(network: nn.Module, path: Path) -> None:
    torch.onnx.export(
        network, _example(), str(path), dynamo=True, external_data=False, verbose=False
    )


def onnx_int8(network: nn.Module, path: Path) -> None:
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._left = iter(images(32, seed=2))

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._left, None)
            return None if image is None else {name: image[None]}

    float_path = path.with_name("float-" + path.name)
    onnx_fp32(network, float_path)
    import onnx

    name = onnx.load(float_path).graph.input[0].name
    quantization.quantize_static(str(float_path), str(path), Reader(), per_channel=True)


def litert_fp32(network: nn.Module, path: Path) -> None:
    import litert_torch

    litert_torch.convert(network, _example()).export(str(path))


def litert_int8_borders(network: nn.Module, path: Path) -> None:
    """Int8 tensors in and out, as ai-edge-quantizer makes them by default."""
    _litert_int8(network, path, float_borders=False)


def litert_int8(network: nn.Module, path: Path) -> None:
    _litert_int8(network, path, float_borders=True)


def _litert_int8(network: nn.Module, path: Path, float_borders: bool) -> None:
    from ai_edge_quantizer import algorithm_manager, qtyping, quantizer, recipe

    float_path = path.with_name("float-" + path.name)
    litert_fp32(network, float_path)
    tool = quantizer.Quantizer(str(float_path), recipe.static_wi8_ai8())
    borders = (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT)
    for name in borders if float_borders else ():
        tool.update_quantization_recipe(
            ".*", name, algorithm_key=algorithm_manager.AlgorithmName.NO_QUANTIZE
        )
    name = next(iter(_litert_inputs(float_path)))
    data = {"serving_default": [{name: image[None]} for image in images(32, seed=2)]}
    tool.quantize(tool.calibrate(data)).export_model(str(path))


def _litert_inputs(path: Path) -> list[str]:
    from ai_edge_litert.interpreter import Interpreter

    return list(Interpreter(str(path)).get_signature_runner().get_input_details())


def _coreml(program: object, path: Path, precision: str) -> None:
    import coremltools as ct

    arguments = {}
    if not isinstance(program, torch.export.ExportedProgram):
        arguments["inputs"] = [ct.TensorType("image", SHAPE, dtype=np.float32)]
        arguments["outputs"] = [ct.TensorType("logits", dtype=np.float32)]
    model = ct.convert(
        program,
        minimum_deployment_target=ct.target.iOS17,
        compute_precision=getattr(ct.precision, precision),
        skip_model_load=True,
        **arguments,
    )
    model.save(str(path))


def coreml_fp32(network: nn.Module, path: Path) -> None:
    _coreml(torch.jit.trace(network, _example()), path, "FLOAT32")


def coreml_fp16(network: nn.Module, path: Path) -> None:
    _coreml(torch.jit.trace(network, _example()), path, "FLOAT16")


def coreml_int8(network: nn.Module, path: Path) -> None:
    exported = torch.export.export(_pt2e(network), _example())
    _coreml(exported.run_decompositions({}), path, "FLOAT32")


Maker = Callable[[nn.Module, Path], None]

MAKERS: dict[tuple[str, str], tuple[str, Maker]] = {
    ("executorch", "fp32"): (".pte", executorch_fp32),
    ("executorch", "int8"): (".pte", executorch_int8),
    ("torchscript", "fp32"): (".pt", torchscript_fp32),
    ("torchscript", "int8"): (".pt", torchscript_int8),
    ("onnx", "fp32"): (".onnx", onnx_fp32),
    ("onnx", "int8"): (".onnx", onnx_int8),
    ("litert", "fp32"): (".tflite", litert_fp32),
    ("litert", "int8"): (".tflite", litert_int8),
    ("litert", "int8-borders"): (".tflite", litert_int8_borders),
    ("coreml", "fp32"): (".mlpackage", coreml_fp32),
    ("coreml", "fp16"): (".mlpackage", coreml_fp16),
    ("coreml", "int8"): (".mlpackage", coreml_int8),
}


class Artefacts:
    """Makes each artefact when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.network = tiny_network()

    def __call__(self, format: str, precision: str) -> Path:
        suffix, make = MAKERS[format, precision]
        path = self.folder / precision / f"tiny{suffix}"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                make(copy.deepcopy(self.network), path)
        return path
