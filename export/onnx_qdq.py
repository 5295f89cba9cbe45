"""Finishing a QDQ model so that onnxruntime fuses it into integer kernels."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from export.graph_passes import applies
from export.onnx_editor import Editor
from export.onnx_shields import own_weights, saturating_softmax, shield_float_layers
from zoo.errors import InputError


def finish_qdq(
    model: Any, *, unsigned: bool, skipped: Collection[str] = frozenset()
) -> dict[str, int]:
    """Rewrite ``model`` (an onnx.ModelProto from torch.onnx) in place; places changed, by pass.

    With ``unsigned``, activations become uint8: onnxruntime's x86 kernels multiply uint8 by int8
    (S8S8 fuses only half of the convolutions there); the int8 values plus 128 mean the same.
    """
    editor = Editor(model)
    changed = {
        "integer_bias": _integer_bias(editor),
        "unsigned_activations": _unsigned_activations(editor) if unsigned else 0,
    }
    changed |= {
        name: apply(editor) for name, apply in _PREPARATIONS.items() if applies(name, skipped)
    }
    changed["shielded_float_layers"] = shield_float_layers(editor)
    changed["saturating_softmax"] = saturating_softmax(editor)
    own_weights(editor)
    editor.finish()
    return changed


def _global_average_pool(editor: Editor) -> int:
    """ReduceMean over the image as GlobalAveragePool, which has an integer kernel."""
    changed = 0
    for node in editor.graph.node:
        if node.op_type != "ReduceMean" or len(node.input) < 2:
            continue
        axes = editor.constant(node.input[1])
        keep = all(a.i == 1 for a in node.attribute if a.name == "keepdims")
        if axes is None or not keep or sorted(int(a) % 4 for a in axes) != [2, 3]:
            continue
        node.op_type = "GlobalAveragePool"
        del node.input[1:]
        del node.attribute[:]
        changed += 1
    return changed


def _integer_bias(editor: Editor) -> int:
    """Biases as int32 with scale s_in * s_w, as the integer accumulator adds them."""
    changed = 0
    for node in list(editor.graph.node):
        if node.op_type not in ("Conv", "Gemm") or len(node.input) < 3:
            continue
        source, weight = (editor.dequantize_of(name) for name in node.input[:2])
        bias = editor.constant(node.input[2])
        if bias is None or bias.dtype != np.float32:
            continue
        if source is None or weight is None:
            continue
        input_scale = editor.constant(source.input[1])
        weight_scale = editor.constant(weight.input[1])
        if input_scale is None or weight_scale is None:
            continue
        scale = (input_scale.astype(np.float32) * weight_scale.astype(np.float32)).reshape(-1)
        values = np.round(bias.astype(np.float64) / scale.astype(np.float64))
        if np.abs(values).max() >= 2**31:
            raise InputError(
                f"{node.name}: its bias does not fit int32 at the layer's scales; "
                "requantize with the bias guard on"
            )
        name = node.output[0]
        restored = editor.onnx.helper.make_node(
            "DequantizeLinear",
            [
                editor.add(f"{name}_bias_int32", values.astype(np.int32)),
                editor.add(f"{name}_bias_scale", scale),
            ],
            [f"{name}_bias_dequantized"],
            axis=0,
        )
        node.input[2] = restored.output[0]
        editor.insert_before(node, restored)
        changed += 1
    return changed


def _unsigned_activations(editor: Editor) -> int:
    """Per-tensor int8 zero points as uint8 ones, 128 higher."""
    changed = 0
    for node in editor.graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear") or len(node.input) < 3:
            continue
        zero = editor.constant(node.input[2])
        if zero is None or zero.dtype != np.int8 or zero.ndim != 0:
            continue
        shifted = int(zero) + 128
        node.input[2] = editor.add(f"zero_point_{shifted}", np.asarray(shifted, np.uint8))
        changed += 1
    return changed


def _clipped_gate(editor: Editor) -> int:
    """x + 3 on a grid of [0, 6] as a Clip of x's integers (quantize.grids.alignment).

    MLAS clips bytes at 2.5 times the speed of QLinearAdd (onnxruntime 1.31, x86-64).
    """
    changed = 0
    for node in list(editor.graph.node):
        if node.op_type != "Add":
            continue
        shift = editor.quantized_constant(node.input[1])
        source = editor.dequantize_of(node.input[0])
        after = editor.readers(node.output[0])
        read, gate = editor.grid(source), editor.grid(after[0] if len(after) == 1 else None)
        if shift is None or source is None or read is None or gate is None:
            continue
        scale, zero, kind = read
        limits = np.iinfo(kind)
        moved = zero - round(shift / scale)
        if abs(shift / scale - round(shift / scale)) > 1e-3 or not limits.min <= moved:
            continue
        ends = [(end - gate[1]) * gate[0] / scale + moved for end in (limits.min, limits.max)]
        low, high = (int(np.clip(round(end), limits.min, limits.max)) for end in ends)
        clipped = f"{node.output[0]}_clipped"
        clip = editor.onnx.helper.make_node(
            "Clip",
            [
                source.input[0],
                editor.add(f"{kind}_{low}", np.asarray(low, kind)),
                editor.add(f"{kind}_{high}", np.asarray(high, kind)),
            ],
            [clipped],
        )
        editor.insert_before(node, clip)
        for reader in editor.readers(after[0].output[0]):
            reader.input[0] = clipped
            reader.input[1] = source.input[1]
            reader.input[2] = editor.add(f"{kind}_{moved}", np.asarray(moved, kind))
        for unread in (after[0], node):
            editor.graph.node.remove(unread)
        changed += 1
    return changed


def _integer_clamp(editor: Editor) -> int:
    """A clamp that saturation does not do, as one of integers behind the quantization.

    Rounding keeps order, so that not a bit differs. onnxruntime fuses a layer with the
    quantization behind it, but computes it in float where a Relu or Clip lies between and the
    grid goes on beyond it, as that of values that are joined does.
    """
    changed = 0
    for node in list(editor.graph.node):
        if node.op_type not in ("Relu", "Clip"):
            continue
        after, beside = editor.readers(node.output[0]), editor.readers(node.input[0])
        grid = editor.grid(after[0]) if len(after) == len(beside) == 1 else None
        if grid is None or after[0].op_type != "QuantizeLinear":
            continue
        scale, zero, kind = grid
        ends = [0.0, np.inf]
        if node.op_type == "Clip":
            given = [editor.constant(name) if name else None for name in node.input[1:3]]
            if any(end is None for name, end in zip(node.input[1:3], given, strict=True) if name):
                continue
            ends = [-np.inf, np.inf]
            for index, end in enumerate(given):
                ends[index] = ends[index] if end is None else float(end.reshape(-1)[0])
        limits = np.iinfo(kind)
        low, high = (
            int(
                np.clip(np.rint(np.float32(end) / np.float32(scale)) + zero, limits.min, limits.max)
            )
            for end in ends
        )
        quantize = after[0]
        unclamped = f"{quantize.output[0]}_unclamped"
        ends_of = [editor.add(f"{kind}_{end}", np.asarray(end, kind)) for end in (low, high)]
        _become(node, "QuantizeLinear", [node.input[0], *quantize.input[1:3]], unclamped)
        _become(quantize, "Clip", [unclamped, *ends_of], quantize.output[0])
        changed += 1
    return changed


def _become(node: Any, operator: str, inputs: list[str], output: str) -> None:
    """Make another operator of ``node`` where it stands."""
    node.op_type = operator
    del node.attribute[:], node.input[:], node.output[:]
    node.input.extend(inputs)
    node.output.append(output)


_PREPARATIONS: dict[str, Callable[[Editor], int]] = {
    "global_average_pool": _global_average_pool,
    "clipped_gate": _clipped_gate,
    "integer_clamp": _integer_clamp,
}
