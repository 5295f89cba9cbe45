"""What each MIL operator computes: ``OPERATORS``, type to function.

Semantics follow coremltools' operator definitions (``coremltools/converters/mil/mil/ops/defs``).
Quantized tensors are held as float32 tensors of whole numbers: exact, and faster than integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.nn import functional

from runtime_bench.runtimes.mil_interpreter import resampling
from runtime_bench.runtimes.mil_interpreter.call import Call, Operation

Function = Callable[[Call], Tensor | tuple[Tensor, ...]]
# Whether several images may go through at once, each as if it were alone: given the operation and
# the ranks of its arguments that depend on the image.
Batchable = Callable[[Operation, dict[str, int]], bool]

INTEGER_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15)}


@dataclass(frozen=True)
class Operator:
    """A function and when it may take several images at once."""

    function: Function
    batchable: Batchable


def _always(operation: Operation, ranks: dict[str, int]) -> bool:
    return True


def _never(operation: Operation, ranks: dict[str, int]) -> bool:
    return False


def _same_rank(operation: Operation, ranks: dict[str, int]) -> bool:
    # Broadcasting aligns the last axes: a shorter operand would meet the batch axis elsewhere.
    rank = len(operation.shapes[0])
    return rank > 0 and all(other == rank for other in ranks.values())


def _not_axis(*names: str) -> Batchable:
    def batchable(operation: Operation, ranks: dict[str, int]) -> bool:
        axes = [_constant_ints(operation, name) for name in names if name in operation.arguments]
        if not axes:
            return False
        rank = max(ranks.values())
        return all(axis % rank != 0 for axis in axes[0])

    return batchable


def _expands_later(operation: Operation, ranks: dict[str, int]) -> bool:
    rank = len(operation.shapes[0])
    return all(axis % rank != 0 for axis in _constant_ints(operation, "axes"))


def _keeps_batch(operation: Operation, ranks: dict[str, int]) -> bool:
    # All of an image stays in its row when the first axis stays 1.
    return bool(operation.shapes[0]) and operation.shapes[0][0] == 1


def _only_x(operation: Operation, ranks: dict[str, int]) -> bool:
    return set(ranks) == {"x"}


def _only_input(operation: Operation, ranks: dict[str, int]) -> bool:
    return set(ranks) == {"input"}


def _first_stays(operation: Operation, ranks: dict[str, int]) -> bool:
    return _constant_ints(operation, "perm")[0] == 0


def _slices_whole_batch(operation: Operation, ranks: dict[str, int]) -> bool:
    masks = [operation.arguments.get(name) for name in ("begin_mask", "end_mask", "squeeze_mask")]
    begins, ends, squeezes = (mask is not None and bool(_first(mask)) for mask in masks)
    return begins and ends and not squeezes


def _pads_later(operation: Operation, ranks: dict[str, int]) -> bool:
    pads, rank = _constant_ints(operation, "pad"), max(ranks.values())
    return len(pads) < 2 * rank or not any(pads[:2])


def _repeats_later(operation: Operation, ranks: dict[str, int]) -> bool:
    return _constant_ints(operation, "reps")[0] == 1


def _rows_of_x(operation: Operation, ranks: dict[str, int]) -> bool:
    # (N, K) times a constant (K, M): rows are images. Transposing x would mix them.
    transposed = bool(_first(operation.arguments.get("transpose_x", False)))
    return set(ranks) == {"x"} and ranks["x"] >= 2 and not (transposed and ranks["x"] == 2)


def _first(value: object) -> object:
    return next(iter(value.flat)) if hasattr(value, "flat") else value


def _constant_ints(operation: Operation, name: str) -> list[int]:
    value = operation.arguments[name]
    return [int(item) for item in getattr(value, "flat", [value])]


def conv(call: Call) -> Tensor:
    """2-d convolution, NCHW, weight (out, in / groups, height, width)."""
    x, weight = call.tensor("x"), call.tensor("weight")
    strides, dilations = call.ints("strides"), call.ints("dilations")
    x, padding = _padded(call, x, list(weight.shape[2:]), strides, dilations, 0.0)
    return functional.conv2d(
        x, weight, call.optional("bias"), strides, padding, dilations, call.integer("groups")
    )


def avg_pool(call: Call) -> Tensor:
    """2-d average; padding counts unless ``exclude_padding_from_average``."""
    x, kernel, strides = _pool_arguments(call)
    # The number of averaged elements under each window, from a plane of ones.
    ones = torch.ones_like(x[:1, :1])
    x, padding = _padded(call, x, kernel, strides, [1, 1], 0.0)
    sums = functional.avg_pool2d(x, kernel, strides, padding, divisor_override=1)
    if not call.flag("exclude_padding_from_average"):
        return sums / prod(kernel)
    ones, padding = _padded(call, ones, kernel, strides, [1, 1], 0.0)
    return sums / functional.avg_pool2d(ones, kernel, strides, padding, divisor_override=1)


def max_pool(call: Call) -> Tensor:
    """2-d maximum."""
    x, kernel, strides = _pool_arguments(call)
    x, padding = _padded(call, x, kernel, strides, [1, 1], float("-inf"))
    return functional.max_pool2d(x, kernel, strides, padding)


def _pool_arguments(call: Call) -> tuple[Tensor, list[int], list[int]]:
    if call.flag("ceil_mode"):
        raise NotImplementedError("ceil_mode")
    kernel = call.ints("kernel_sizes")
    strides = call.ints("strides") if call.has("strides") else [1] * len(kernel)
    return call.tensor("x"), kernel, strides


def _padded(
    call: Call,
    x: Tensor,
    kernel: list[int],
    strides: list[int],
    dilations: list[int],
    value: float,
) -> tuple[Tensor, list[int]]:
    """The input with its padding, either made here or left to torch where it is symmetric."""
    kind = call.text("pad_type") if call.has("pad_type") else "valid"
    sides = [(0, 0)] * len(kernel)
    if kind == "custom":
        pad = call.ints("pad")
        sides = list(zip(pad[::2], pad[1::2], strict=True))
    elif kind in ("same", "same_lower"):
        sides = []
        for size, length, stride, dilation in zip(
            x.shape[2:], kernel, strides, dilations, strict=True
        ):
            reach = dilation * (length - 1) + 1
            total = max(0, (-(-size // stride) - 1) * stride + reach - size)
            less, more = total // 2, total - total // 2
            sides.append((less, more) if kind == "same" else (more, less))
    elif kind != "valid":
        raise NotImplementedError(f"pad_type {kind}")
    # torch's convolution and its average pooling pad symmetrically; the latter by at most half a
    # kernel.
    half = all(2 * low <= size for (low, _), size in zip(sides, kernel, strict=True))
    symmetric = all(low == high for low, high in sides)
    if symmetric and value == 0.0 and (half or call.operation.kind == "conv"):
        return x, [low for low, _ in sides]
    flat = [amount for side in reversed(sides) for amount in side]
    return functional.pad(x, flat, value=value), [0] * len(kernel)


def linear(call: Call) -> Tensor:
    """X times the transposed weight (out, in), plus bias."""
    return functional.linear(call.tensor("x"), call.tensor("weight"), call.optional("bias"))


def matmul(call: Call) -> Tensor:
    """Matrix product with optional transposition of the last two axes."""
    x, y = call.tensor("x"), call.tensor("y")
    x = x.transpose(-1, -2) if call.flag("transpose_x") else x
    y = y.transpose(-1, -2) if call.flag("transpose_y") else y
    return x @ y


def batch_norm(call: Call) -> Tensor:
    """Normalization by stored statistics, axis 1."""
    return functional.batch_norm(
        call.tensor("x"),
        call.tensor("mean"),
        call.tensor("variance"),
        call.optional("gamma"),
        call.optional("beta"),
        eps=call.number("epsilon"),
    )


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


def layer_norm(call: Call) -> Tensor:
    """Normalization over the last axes."""
    x = call.tensor("x")
    axes = sorted(axis % x.ndim for axis in call.ints("axes"))
    if axes != list(range(axes[0], x.ndim)):
        raise NotImplementedError(f"axes {axes}")
    epsilon = call.number("epsilon") if call.has("epsilon") else 1e-5
    shape = list(x.shape[axes[0] :])
    gamma, beta = call.optional("gamma"), call.optional("beta")
    return functional.layer_norm(x, shape, gamma, beta, epsilon)


def gelu(call: Call) -> Tensor:
    """x times the normal distribution's function of x, or one of two approximations."""
    x, mode = call.tensor("x"), call.text("mode") if call.has("mode") else "EXACT"
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return functional.gelu(x, approximate="none" if mode == "EXACT" else "tanh")


def gather(call: Call) -> Tensor:
    """Those elements along an axis that a vector of indices names."""
    indices = call.tensor("indices").long()
    if call.integer("batch_dims", 0) or indices.ndim > 1:
        raise NotImplementedError("batch_dims, or indices of several axes")
    x, axis = call.tensor("x"), call.integer("axis", 0)
    chosen = x.index_select(axis, indices.reshape(-1) % x.shape[axis])
    return chosen if indices.ndim else chosen.squeeze(axis)


def quantize(call: Call) -> Tensor:
    """Whole numbers: round half to even of input / scale, plus zero point, clamped to the type."""
    x = call.tensor("input")
    low, high = INTEGER_RANGES[call.text("output_dtype")]
    scale, zero_point = _affine(call, x, "input")
    return (x / scale).round_().add_(zero_point).clamp_(low, high)


def dequantize(call: Call) -> Tensor:
    """(input - zero point) * scale."""
    x = call.tensor("input").to(torch.float32)
    scale, zero_point = _affine(call, x, "input")
    return (x - zero_point) * scale


def quantize_dequantize(call: Call) -> Tensor:
    """A quantize whose output is only ever dequantized again, per tensor, in one pass.

    Not an operator of MIL: ``program`` puts it there. torch multiplies by the reciprocal of the
    scale, so a value half a unit in the last place from a tie may round the other way.
    """
    low, high = INTEGER_RANGES[call.text("output_dtype")]
    zero_point = call.integer("zero_point", 0)
    return torch.fake_quantize_per_tensor_affine(
        call.tensor("input"), call.number("scale"), zero_point, low, high
    )


def constexpr_affine_dequantize(call: Call) -> Tensor:
    """(quantized_data - zero_point) * scale along ``axis``."""
    data = call.tensor("quantized_data").to(torch.float32)
    scale, zero_point = _affine(call, data, "quantized_data")
    return (data - zero_point) * scale


def constexpr_blockwise_shift_scale(call: Call) -> Tensor:
    """(data - offset) * scale, both repeated over blocks of every axis."""
    data = call.tensor("data").to(torch.float32)
    scale = _repeated(call.tensor("scale").to(torch.float32), data)
    if not call.has("offset"):
        return data * scale
    return (data - _repeated(call.tensor("offset").to(torch.float32), data)) * scale


def cast(call: Call) -> Tensor:
    """To another float type: ``program`` rounds what comes out as float16."""
    if call.text("dtype") not in ("fp16", "fp32"):
        raise NotImplementedError(f"to {call.text('dtype')}")
    return call.tensor("x")


def constexpr_cast(call: Call) -> Tensor:
    """The stored float16 values as float32."""
    return call.tensor("source_val").to(torch.float32)


def _affine(call: Call, data: Tensor, name: str) -> tuple[Tensor, Tensor]:
    scale = call.tensor("scale").to(torch.float32)
    zero_point = torch.zeros(())
    if call.has("zero_point"):
        zero_point = call.tensor("zero_point").to(torch.float32)
    shape = [1] * data.ndim
    if scale.ndim and call.has("axis"):
        shape[call.integer("axis")] = -1
        scale = scale.reshape(shape)
        zero_point = zero_point.reshape(shape) if zero_point.ndim else zero_point
    return scale, zero_point


def _repeated(small: Tensor, data: Tensor) -> Tensor:
    for axis, (count, size) in enumerate(zip(small.shape, data.shape, strict=True)):
        if count not in (1, size):
            small = small.repeat_interleave(size // count, dim=axis)
    return small


def _unary(function: Callable[[Tensor], Tensor]) -> Operator:
    return Operator(lambda call: function(call.tensor("x")), _always)


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return Operator(lambda call: function(call.tensor("x"), call.tensor("y")), _same_rank)


def _reduction(function: Callable[[Tensor, list[int], bool], Tensor]) -> Operator:
    def reduce(call: Call) -> Tensor:
        x = call.tensor("x")
        axes = call.ints("axes") if call.has("axes") else list(range(x.ndim))
        return function(x, axes, call.flag("keep_dims"))

    return Operator(reduce, _not_axis("axes"))


def _hard_sigmoid(call: Call) -> Tensor:
    scaled = call.tensor("x") * call.number("alpha")
    return scaled.add_(call.number("beta")).clamp_(0.0, 1.0)


OPERATORS: dict[str, Operator] = {
    "abs": _unary(torch.abs),
    "add": _binary(torch.add),
    "avg_pool": Operator(avg_pool, _always),
    "batch_norm": Operator(batch_norm, _always),
    "cast": Operator(cast, _always),
    "clip": Operator(
        lambda call: call.tensor("x").clamp(call.number("alpha"), call.number("beta")), _always
    ),
    "concat": Operator(concat, _not_axis("axis")),
    "constexpr_affine_dequantize": Operator(constexpr_affine_dequantize, _never),
    "constexpr_blockwise_shift_scale": Operator(constexpr_blockwise_shift_scale, _never),
    "constexpr_cast": Operator(constexpr_cast, _never),
    "conv": Operator(conv, _only_x),
    "conv_transpose": Operator(resampling.conv_transpose, _only_x),
    "dequantize": Operator(dequantize, _only_input),
    "elu": Operator(lambda call: functional.elu(call.tensor("x"), call.number("alpha")), _always),
    "erf": _unary(torch.erf),
    "exp": _unary(torch.exp),
    "expand_dims": Operator(expand_dims, _expands_later),
    "gather": Operator(gather, _not_axis("axis")),
    "gelu": Operator(gelu, _always),
    "identity": _unary(lambda x: x),
    "layer_norm": Operator(layer_norm, _not_axis("axes")),
    "leaky_relu": Operator(
        lambda call: functional.leaky_relu(call.tensor("x"), call.number("alpha")), _always
    ),
    "linear": Operator(linear, _only_x),
    "matmul": Operator(matmul, _rows_of_x),
    "max_pool": Operator(max_pool, _always),
    "maximum": _binary(torch.maximum),
    "minimum": _binary(torch.minimum),
    "mul": _binary(torch.mul),
    "pad": Operator(pad, _pads_later),
    "pixel_shuffle": Operator(
        lambda call: functional.pixel_shuffle(call.tensor("x"), call.integer("upscale_factor")),
        _always,
    ),
    "pixel_unshuffle": Operator(
        lambda call: functional.pixel_unshuffle(call.tensor("x"), call.integer("downscale_factor")),
        _always,
    ),
    "quantize": Operator(quantize, _only_input),
    "quantize_dequantize": Operator(quantize_dequantize, _only_input),
    "real_div": _binary(torch.div),
    "reduce_l2_norm": _reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keep)),
    "reduce_max": _reduction(lambda x, axes, keep: torch.amax(x, axes, keep)),
    "reduce_mean": _reduction(lambda x, axes, keep: torch.mean(x, axes, keep)),
    "reduce_min": _reduction(lambda x, axes, keep: torch.amin(x, axes, keep)),
    "reduce_sum": _reduction(lambda x, axes, keep: torch.sum(x, axes, keep)),
    "relu": _unary(functional.relu),
    "relu6": _unary(functional.relu6),
    "resize_bilinear": Operator(resampling.resize_bilinear, _always),
    "reverse": Operator(lambda call: call.tensor("x").flip(call.ints("axes")), _not_axis("axes")),
    "reshape": Operator(reshape, _keeps_batch),
    "sigmoid": _unary(torch.sigmoid),
    "sigmoid_hard": Operator(_hard_sigmoid, _always),
    "silu": _unary(functional.silu),
    "slice_by_index": Operator(slice_by_index, _slices_whole_batch),
    "softmax": Operator(
        lambda call: torch.softmax(call.tensor("x"), call.integer("axis")), _not_axis("axis")
    ),
    "softplus": _unary(lambda x: functional.softplus(x, threshold=50)),
    "split": Operator(split, _not_axis("axis")),
    "sqrt": _unary(torch.sqrt),
    "square": _unary(torch.square),
    "squeeze": Operator(squeeze, _not_axis("axes")),
    "sub": _binary(torch.sub),
    "tanh": _unary(torch.tanh),
    "thresholded_relu": Operator(
        lambda call: torch.where(
            call.tensor("x") >= call.number("alpha"), call.tensor("x"), torch.zeros(())
        ),
        _always,
    ),
    "tile": Operator(lambda call: call.tensor("x").repeat(call.ints("reps")), _repeats_later),
    "upsample_bilinear": Operator(resampling.upsample_bilinear, _always),
    "upsample_nearest_neighbor": Operator(resampling.upsample_nearest_neighbor, _always),
    "transpose": Operator(lambda call: call.tensor("x").permute(call.ints("perm")), _first_stays),
}
