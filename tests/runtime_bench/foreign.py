"""The tiny network as other teams send it: other layouts, element types, sizes and outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.runtime_bench.artefacts import SHAPE, SIZE, executorch_fp32, litert_int8_borders

STD = 1 / 255


class FromPixels(nn.Module):
    """Takes uint8 (1, H, W, 3); the network gets (pixels - 127.5) / 127.5."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        x = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return self.network(x / 127.5 - 1.0)


class TwoOutputs(nn.Module):
    """Gives the features in front of the classifier too."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.body, self.head = network[:-1], network[-1]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(x)
        return features, self.head(features)


def _onnx(network: nn.Module, example: Tensor, path: Path, **how: object) -> None:
    torch.onnx.export(
        network, (example,), str(path), dynamo=True, external_data=False, verbose=False, **how
    )


def onnx_any_size(network: nn.Module, path: Path) -> None:
    sizes = {0: torch.export.Dim("batch"), 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    _onnx(network, torch.zeros(2, 3, 64, 48), path, dynamic_shapes=(sizes,))


def onnx_any_batch(network: nn.Module, path: Path) -> None:
    _onnx(network, torch.zeros(2, *SHAPE[1:]), path, dynamic_shapes=({0: torch.export.Dim("n")},))


def onnx_pixels(network: nn.Module, path: Path) -> None:
    _onnx(FromPixels(network), torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8), path)


def onnx_two_outputs(network: nn.Module, path: Path) -> None:
    names = {"input_names": ["image"], "output_names": ["features", "scores"]}
    _onnx(TwoOutputs(network), torch.zeros(SHAPE), path, **names)


def executorch_pixels(network: nn.Module, path: Path) -> None:
    example = (torch.zeros(1, SIZE, SIZE, 3, dtype=torch.uint8),)
    executorch_fp32(FromPixels(network), path, example)


def torchscript_plain(network: nn.Module, path: Path) -> None:
    torch.jit.trace(network, torch.zeros(SHAPE)).save(str(path))


def litert_nhwc(network: nn.Module, path: Path) -> None:
    import litert_torch

    example = (torch.zeros(1, SIZE, SIZE, 3),)
    litert_torch.convert(litert_torch.to_channel_last_io(network, args=[0]), example).export(
        str(path)
    )


def litert_uint8(network: nn.Module, path: Path) -> None:
    """Uint8 in and out as TensorFlow's converter makes them: a QUANTIZE at each end that moves the
    zero point of the int8 tensors by 128."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    from export.tflite_interface import new_operator

    litert_int8_borders(network, path)
    content = path.read_bytes()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    graph.inputs, graph.outputs = list(graph.inputs), list(graph.outputs)
    for ports, at_start in ((graph.inputs, True), (graph.outputs, False)):
        inner = graph.tensors[ports[0]]
        outer = schema.TensorT()
        outer.shape, outer.shapeSignature = inner.shape, inner.shapeSignature
        outer.name, outer.buffer, outer.type = inner.name, 0, schema.TensorType.UINT8
        outer.quantization = schema.QuantizationParametersT()
        outer.quantization.scale = list(inner.quantization.scale)
        outer.quantization.zeroPoint = [int(inner.quantization.zeroPoint[0]) + 128]
        graph.tensors.append(outer)
        added, known = len(graph.tensors) - 1, int(ports[0])
        ends = (added, known) if at_start else (known, added)
        operator = new_operator(schema, model, schema.BuiltinOperator.QUANTIZE, *ends)
        graph.operators.insert(0 if at_start else len(graph.operators), operator)
        ports[0] = added
        for signature in model.signatureDefs or []:
            for entry in (*signature.inputs, *signature.outputs):
                entry.tensorIndex = added if entry.tensorIndex == known else entry.tensorIndex
    builder = flatbuffers.Builder(len(content) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))


Maker = Callable[[nn.Module, Path], None]
FOREIGN: dict[str, tuple[str, Maker]] = {
    "onnx any size": (".onnx", onnx_any_size),
    "onnx any batch": (".onnx", onnx_any_batch),
    "onnx pixels": (".onnx", onnx_pixels),
    "onnx two outputs": (".onnx", onnx_two_outputs),
    "executorch pixels": (".pte", executorch_pixels),
    "torchscript plain": (".pt", torchscript_plain),
    "litert nhwc": (".tflite", litert_nhwc),
    "litert int8": (".tflite", litert_int8_borders),
    "litert uint8": (".tflite", litert_uint8),
}
