"""Weights of MediaPipe's selfie segmenter, read from its .tflite file.

pip download mediapipe==0.10.21 --no-deps
unzip -j mediapipe-*.whl mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite
python -m benchmarks.segmentation.selfie_weights selfie_segmentation.tflite selfie.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.segmentation.selfie_network import SelfieSegmenter, build, fill

TRANSPOSED = b"Convolution2DTransposeBias"
OPERATORS = schema.BuiltinOperator
#: How weights lie in the file (out, height, width, in), depthwise (1, height, width, channel).
LAYOUTS: dict[int | bytes, tuple[int, ...]] = {
    OPERATORS.CONV_2D: (0, 3, 1, 2),
    OPERATORS.DEPTHWISE_CONV_2D: (3, 0, 1, 2),
    TRANSPOSED: (3, 0, 1, 2),
}


def load(path: Path) -> SelfieSegmenter:
    """The network with the weights of MediaPipe's ``path``, float16 as stored, in float32.

    Raises:
        ValueError: it is another network's.
    """
    network = build()
    fill(network, layers_of(path))
    return network


def layers_of(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Weight and bias of each layer of a .tflite file in order, float32 in torch's layouts."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    graph = model.subgraphs[0]
    kinds = [_kind(model.operatorCodes[one.opcodeIndex]) for one in graph.operators]
    stored = {
        one.outputs[0]: one.inputs[0]
        for one, kind in zip(graph.operators, kinds, strict=True)
        if kind == OPERATORS.DEQUANTIZE
    }

    def values(number: int) -> NDArray[np.float32]:
        tensor = graph.tensors[stored.get(number, number)]
        kind = np.float16 if tensor.type == schema.TensorType.FLOAT16 else np.float32
        data = np.asarray(model.buffers[tensor.buffer].data, np.uint8).tobytes()
        return np.frombuffer(data, kind).reshape(tensor.shape).astype(np.float32)

    found = []
    for one, kind in zip(graph.operators, kinds, strict=True):
        if kind in LAYOUTS:
            weight, bias = (torch.from_numpy(values(number)) for number in one.inputs[1:3])
            found.append((weight.permute(LAYOUTS[kind]).contiguous(), bias))
    return found


def _kind(code: schema.OperatorCodeT) -> int | bytes:
    if code.customCode is not None:
        return bytes(code.customCode)
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tflite", type=Path)
    parser.add_argument("weights", type=Path)
    given = parser.parse_args()
    save_file(load(given.tflite).state_dict(), given.weights)


if __name__ == "__main__":
    main()
