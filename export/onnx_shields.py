"""Keeping onnxruntime from what it would do to a QDQ model, or fail at, when it loads one."""

from __future__ import annotations

import numpy as np

from export.onnx_editor import Editor


def shield_float_layers(editor: Editor) -> int:
    """Keep layers with float weights in float, though they read int8 values.

    onnxruntime quantizes such weights when it loads a model, per tensor, if the value's scale is a
    scalar (its WeightBiasQuantization, pull request 22969). A scale a channel, all the same, means
    the same values and is left alone.
    """
    changed = 0
    for node in list(editor.graph.node):
        if node.op_type not in ("Conv", "ConvTranspose", "Gemm"):
            continue
        source, weight = editor.dequantize_of(node.input[0]), editor.constant(node.input[1])
        if source is None or weight is None or weight.dtype != np.float32:
            continue
        scale, zero = (editor.constant(name) for name in source.input[1:3])
        if scale is None or zero is None or scale.size != 1:
            continue
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        if node.op_type == "Conv":
            channels = weight.shape[1] * attributes.get("group", 1)
        elif node.op_type == "ConvTranspose":
            channels = weight.shape[0]
        else:
            channels = weight.shape[1 if attributes.get("transB", 0) else 0]
        name = node.output[0]
        restored = editor.onnx.helper.make_node(
            "DequantizeLinear",
            [
                source.input[0],
                editor.add(f"{name}_input_scale", np.full(channels, scale, scale.dtype)),
                editor.add(f"{name}_input_zero_point", np.full(channels, zero, zero.dtype)),
            ],
            [f"{name}_input"],
            axis=1,
        )
        node.input[0] = restored.output[0]
        editor.insert_before(node, restored)
        changed += 1
    return changed


def saturating_softmax(editor: Editor) -> int:
    """Limit a softmax to the end of its grid, where that is below 1.

    onnxruntime 1.31's QLinearSoftmax wraps around there instead of saturating, of uint8 and int8
    alike (microsoft/onnxruntime issue 29727; a branch attention of two weights had 6 dB). It does
    not fuse a softmax that something other than a quantization reads.
    """
    changed = 0
    for node in list(editor.graph.node):
        after = editor.readers(node.output[0]) if node.op_type == "Softmax" else []
        if len(after) != 1 or after[0].op_type != "QuantizeLinear":
            continue
        grid = editor.grid(after[0])
        if grid is None:
            continue
        scale, zero, kind = grid
        highest = np.iinfo(kind).max
        if round(1 / scale) + zero <= highest:
            continue
        end = np.float32((highest - zero) * np.float32(scale))
        limited = f"{node.output[0]}_limited"
        limit = editor.add(f"{limited}_end", np.asarray(end, np.float32))
        editor.insert_before(
            after[0], editor.onnx.helper.make_node("Min", [node.output[0], limit], [limited])
        )
        after[0].input[0] = limited
        changed += 1
    return changed


def own_weights(editor: Editor) -> None:
    """Give each int8 weight a zero point of its own, and each layer a weight.

    onnxruntime 1.31 refuses a model in which two layers share either, once it makes weights uint8
    for processors whose products of uint8 and int8 saturate (``session.x64quantprecision``).
    Layers share a weight that is called several times, and torch.onnx stores equal ones once: the
    integers of depthwise layers of one pixel, such as scales a channel, are all 127.
    """
    stored: set[str] = set()
    for node in list(editor.graph.node):
        if node.op_type != "DequantizeLinear" or len(node.input) < 3:
            continue
        weight, zero = editor.constant(node.input[0]), editor.constant(node.input[2])
        if weight is None or zero is None or weight.dtype != np.int8:
            continue
        readers = editor.readers(node.output[0])
        for number, reader in enumerate(readers, start=1):
            own, name = node, node.output[0]
            if number > 1:
                own, name = editor.onnx.NodeProto(), f"{name}_{number}"
                own.CopyFrom(node)
                own.name, own.output[0] = name, name
                reader.input[1] = name
                editor.insert_before(reader, own)
            if own.input[0] in stored:
                own.input[0] = editor.add(f"{name}_int8", weight)
            stored.add(own.input[0])
            own.input[2] = editor.add(f"{name}_zero_point", zero)
