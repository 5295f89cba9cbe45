"""An int8 ONNX model whose input is pixels."""

from __future__ import annotations

from typing import Any

from export.onnx_editor import Editor


def take_pixels(model: Any) -> None:
    """Let the integers of the input of ``model`` be the input: pixels, where the program is of
    ``quantize.forms.pixels`` and activations are uint8 (``finish_qdq``)."""
    editor = Editor(model)
    (image,) = editor.graph.input
    for quantize in editor.readers(image.name):
        assert quantize.op_type == "QuantizeLinear"
        for reader in editor.readers(quantize.output[0]):
            reader.input[0] = image.name
        editor.graph.node.remove(quantize)
    image.type.tensor_type.elem_type = editor.onnx.TensorProto.UINT8
    editor.finish()
