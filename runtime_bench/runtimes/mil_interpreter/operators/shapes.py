"""Operators that move, join, cut and repeat values without computing any."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from runtime_bench.runtimes.mil_interpreter.call import Call, Operation
from runtime_bench.runtimes.mil_interpreter.operators.operator import (
    Operator,
    constant_ints,
    first_value,
    not_axis,
)


def _expands_later(operation: Operation, ranks: dict[str, int]) -> bool:
    rank = len(operation.shapes[0])
    return all(axis % rank != 0 for axis in constant_ints(operation, "axes"))


def _keeps_batch(operation: Operation, ranks: dict[str, int]) -> bool:
    # All of an image stays in its row when the first axis stays 1.
    return bool(operation.shapes[0]) and operation.shapes[0][0] == 1


def _first_stays(operation: Operation, ranks: dict[str, int]) -> bool:
    return constant_ints(operation, "perm")[0] == 0


def _slices_whole_batch(operation: Operation, ranks: dict[str, int]) -> bool:
    masks = [operation.arguments.get(name) for name in ("begin_mask", "end_mask", "squeeze_mask")]
    begins, ends, squeezes = (mask is not None and bool(first_value(mask)) for mask in masks)
    return begins and ends and not squeezes


def _pads_later(operation: Operation, ranks: dict[str, int]) -> bool:
    pads, rank = constant_ints(operation, "pad"), max(ranks.values())
    return len(pads) < 2 * rank or not any(pads[:2])


def _repeats_later(operation: Operation, ranks: dict[str, int]) -> bool:
    return constant_ints(operation, "reps")[0] == 1


def reshape(call: Call) -> Tensor:
    """To ``shape``, whose leading 1 stands for the batch."""
    shape = list(call.operation.shapes[0])
    if call.batch > 1 and shape[0] == 1 and call.tensor("x").shape[0] == call.batch:
        shape[0] = call.batch
    return call.tensor("x").reshape(shape)


def squeeze(call: Call) -> Tensor:
    """Without the axes of size 1."""
    x = call.tensor("x")
    axes = call.ints("axes") if call.has("axes") else [i for i, n in enumerate(x.shape) if n == 1]
    return x.squeeze(axes)


def expand_dims(call: Call) -> Tensor:
    """With new axes of size 1, at places counted in the output."""
    x = call.tensor("x")
    rank = len(call.operation.shapes[0])
    for axis in sorted(axis % rank for axis in call.ints("axes")):
        x = x.unsqueeze(axis)
    return x


def concat(call: Call) -> Tensor:
    """Joined along an axis."""
    if call.flag("interleave"):
        raise NotImplementedError("interleave")
    return torch.cat(call.tensors("values"), dim=call.integer("axis"))


def split(call: Call) -> tuple[Tensor, ...]:
    """Cut along an axis."""
    axis = call.integer("axis")
    sizes = [shape[axis] for shape in call.operation.shapes]
    return tuple(torch.split_with_sizes(call.tensor("x"), sizes, axis))


def slice_by_index(call: Call) -> Tensor:
    """A strided slice; masked ends reach to the border."""
    x = call.tensor("x")
    begin, end = call.ints("begin"), call.ints("end")
    stride = call.ints("stride") if call.has("stride") else [1] * len(begin)
    masks = {
        name: call.ints(name) if call.has(name) else [0] * len(begin)
        for name in ("begin_mask", "end_mask", "squeeze_mask")
    }
    if any(step < 1 for step in stride):
        raise NotImplementedError("negative stride")
    index: list[slice | int] = []
    for axis in range(len(begin)):
        if masks["squeeze_mask"][axis]:
            index.append(begin[axis])
            continue
        low = None if masks["begin_mask"][axis] else begin[axis]
        high = None if masks["end_mask"][axis] else end[axis]
        index.append(slice(low, high, stride[axis]))
    return x[tuple(index)]


def pad(call: Call) -> Tensor:
    """Padding of the last axes, given first axis first."""
    amounts = call.ints("pad")
    mode = call.text("mode") if call.has("mode") else "constant"
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    flat = [amount for pair in reversed(pairs) for amount in pair]
    value = call.number("constant_val") if call.has("constant_val") else 0.0
    if mode == "constant":
        return functional.pad(call.tensor("x"), flat, value=value)
    if mode not in ("reflect", "replicate"):
        raise NotImplementedError(f"mode {mode}")
    # torch takes no pairs of zeros for the image and its channels.
    while len(flat) > 4 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    return functional.pad(call.tensor("x"), flat, mode=mode)


def gather(call: Call) -> Tensor:
    """Those elements along an axis that a vector of indices names."""
    indices = call.tensor("indices").long()
    if call.integer("batch_dims", 0) or indices.ndim > 1:
        raise NotImplementedError("batch_dims, or indices of several axes")
    x, axis = call.tensor("x"), call.integer("axis", 0)
    chosen = x.index_select(axis, indices.reshape(-1) % x.shape[axis])
    return chosen if indices.ndim else chosen.squeeze(axis)


SHAPES: dict[str, Operator] = {
    "concat": Operator(concat, not_axis("axis")),
    "expand_dims": Operator(expand_dims, _expands_later),
    "gather": Operator(gather, not_axis("axis")),
    "pad": Operator(pad, _pads_later),
    "reshape": Operator(reshape, _keeps_batch),
    "reverse": Operator(lambda call: call.tensor("x").flip(call.ints("axes")), not_axis("axes")),
    "slice_by_index": Operator(slice_by_index, _slices_whole_batch),
    "split": Operator(split, not_axis("axis")),
    "squeeze": Operator(squeeze, not_axis("axes")),
    "tile": Operator(lambda call: call.tensor("x").repeat(call.ints("reps")), _repeats_later),
    "transpose": Operator(lambda call: call.tensor("x").permute(call.ints("perm")), _first_stays),
}
