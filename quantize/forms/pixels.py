"""A program whose input is an image's pixels, 0 to 255, instead of normalized values.

    x = (pixel / 255 - mean) / std

is linear, so integers can do it. Where one normalization is that of all channels, a pixel is an
int8 value already, of the grid with the scale 1 / (255 std) and the zero point 255 mean, and the
layers that read the image read pixels: no operator is left of it. Else a depthwise convolution of
one pixel makes the program's own int8 input of pixels, a channel at a time. Padding is of
normalized zeros in both; a padded pixel cannot be that without a grid of its own for each channel,
so nothing is folded into a first convolution with more than one normalization.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor
from torch.fx import Node

from quantize.graph.operators import WEIGHTED
from quantize.graph.passes.surgery import aten, bias_of, constant, is_call
from quantize.graph.plan import Plan
from quantize.program import Program, corrected
from quantize.qparams import QMIN, WEIGHT_MAX, QParams, QuantizedWeight
from zoo.input_spec import LARGEST_PIXEL

PIXELS = QParams(1.0, QMIN)
"""The grid of pixels as they are: int8 values 128 lower."""


def takes_pixels(program: Program) -> bool:
    """Whether the program's input is int8, so that pixels can become it."""
    return program.qparams(_image(program).name) is not None


def from_pixels(program: Program) -> Program:
    """``program`` with an input on a grid whose 256 values are the pixels 0 to 255, in order.

    It answers as the program does to the same image, normalized; where the input needs no operator
    (see above) its values are not rounded, of which the program's own are by half a step.

    Raises:
        ValueError: the program's input is not int8 (``takes_pixels``).
    """
    if not takes_pixels(program):
        raise ValueError("the program's input is not int8")
    direct = _direct_grid(program)
    return _converted(program) if direct is None else _direct(program, direct)


def _image(program: Program) -> Node:
    (image,) = program.graph.graph.find_nodes(op="placeholder")
    assert isinstance(image, Node)
    return image


def _normalization(program: Program) -> tuple[Tensor, Tensor]:
    """``scale`` and ``shift`` (3,), float64: x = scale * pixel + shift."""
    scale, shift = program.input_spec.of_pixels
    return torch.tensor(scale, dtype=torch.float64), torch.tensor(shift, dtype=torch.float64)


def _direct_grid(program: Program) -> QParams | None:
    """The grid of normalized values whose integers are pixels; None where there is none, or what
    reads the image cannot take it."""
    image, grid = _image(program), program.qparams(_image(program).name)
    scale, shift = (set(values.tolist()) for values in _normalization(program))
    if len(scale) > 1 or len(shift) > 1 or grid is None:
        return None
    (step,), (low,) = scale, shift
    zero_point = round(-low / step) + QMIN
    made = QParams(step, zero_point)
    # Zero, which layers pad with, must be a pixel; and values that the program cuts off stay cut.
    inside = QMIN <= zero_point <= QMIN + LARGEST_PIXEL
    whole = grid.low <= made.low + grid.scale and made.high - grid.scale <= grid.high
    alone = program.plan.owner(image.name) == image.name
    alone = alone and image.name not in program.plan.shared.values()
    layers = all(
        is_call(reader, *WEIGHTED)
        and reader.args[0] is image
        and reader.name in program.weights
        and bias_of(program.graph, reader) is not None
        for reader in image.users
    )
    return made if inside and whole and alone and layers else None


def _direct(program: Program, grid: QParams) -> Program:
    """``program`` with pixels as the integers of its input; what the zero point is rounded by goes
    to the biases of what reads it."""
    image, shift = _image(program), float(_normalization(program)[1][0])
    lower = shift - grid.low
    corrections = {
        reader.name: lower * _sums(program.weights[reader.name]) for reader in image.users
    }
    made = corrected(program, corrections)
    return replace(made, activations=program.activations | {image.name: grid})


def _sums(weight: QuantizedWeight) -> Tensor:
    """The sum of each output channel's weights, (out,)."""
    return weight.dequantize().flatten(1).sum(1)


def _converted(program: Program) -> Program:
    """``program`` behind a depthwise convolution of pixels."""
    graph = copy.deepcopy(program.graph)
    (image,) = graph.graph.find_nodes(op="placeholder")
    scale, shift = _normalization(program)
    first = next(node for node in graph.graph.nodes if node.op != "placeholder")
    weight = constant(graph, first, "pixel_scale", scale.float().reshape(-1, 1, 1, 1))
    bias = constant(graph, first, "pixel_shift", shift.float())
    readers = list(image.users)
    with graph.graph.inserting_after(bias):
        made = graph.graph.call_function(
            aten.conv2d.default, (image, weight, bias, [1, 1], [0, 0], [1, 1], len(scale))
        )
    made.meta["val"] = image.meta.get("val")
    for reader in readers:
        reader.replace_input_with(image, made)
    graph.graph.lint()
    graph.recompile()
    plan, grids = program.plan, dict(program.activations)
    owner = plan.owner(image.name)
    shared = {name: of for name, of in plan.shared.items() if name != image.name}
    observed = [image.name, *(name for name in plan.observed if name != image.name)]
    assert owner is not None
    if owner == image.name:
        shared = {name: made.name if of == owner else of for name, of in shared.items()}
        grids[made.name] = grids[owner]
        observed.insert(1, made.name)
    else:
        shared[made.name] = owner
    stored = QuantizedWeight(
        torch.full((len(scale), 1, 1, 1), WEIGHT_MAX, dtype=torch.int8),
        (scale / WEIGHT_MAX).float(),
    )
    return replace(
        program,
        graph=graph,
        plan=Plan(tuple(observed), shared, (made.name, *plan.weighted)),
        activations=grids | {image.name: PIXELS},
        weights={made.name: stored} | program.weights,
    )
