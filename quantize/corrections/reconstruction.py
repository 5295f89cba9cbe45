"""int8 weights chosen by the error they leave behind their layer, not by their own.

The float and the int8 network run in lock step over the same images. Each layer's weight is first
solved again by least squares, so that from what the int8 network gives it to read it makes what the
float network makes; noise of the layers before is damped where it is not worth what it carries.
Then the weight is rounded so that the layer's output, not the weight, is least wrong. Both are
layer-wise reconstruction as in AdaQuant (arXiv:2006.10518, section 3) and GPTQ (arXiv:2210.17323),
in closed form. Biases are corrected in the same pass (:mod:`quantize.corrections.bias_correction`).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.fx import Node

from quantize.corrections.base import Context
from quantize.corrections.bias_correction import LockStep, evenly_spaced_images, most_images
from quantize.corrections.layer_rows import LayerRows, layer_rows
from quantize.corrections.least_squares import best_penalty, equations, round_to_grids
from quantize.graph.passes.surgery import argument, bias_of, tensor_of
from quantize.grids.calibrate import ProgressCallback, silent
from quantize.grids.weights import quantize_for
from quantize.program import Program, corrected
from quantize.qparams import QuantizedWeight
from quantize.recipe import Recipe

#: Least squares are not tried with fewer rows for each unknown.
LEAST_ROWS = 2
#: Layers that read more values for each they make keep their weight: the equations take its square
#: in memory and its cube in time. 3 x 3 x 256; VGG's first linear layer reads 25,088.
MOST_UNKNOWNS = 2304
#: MobileNetV3-Small's logits: 16.8 dB with 96 photos, 17.1 with 384.
RECONSTRUCTION_IMAGES = 256
RECONSTRUCTION_BYTES = 1_500_000_000


class Reconstruction:
    """New int8 weights, each layer's biases with them."""

    name = "reconstruction"
    corrects_biases = True

    def wanted(self, program: Program, recipe: Recipe) -> bool:
        """Whether ``recipe`` asks for it, and images can be run together."""
        return recipe.corrections.reconstruction and program.dynamic_batch

    def apply(self, program: Program, context: Context) -> Program:
        """``program`` as :func:`reconstructed`."""
        most = most_images(program.graph, RECONSTRUCTION_BYTES)
        some = evenly_spaced_images(context.images, min(RECONSTRUCTION_IMAGES, most))
        search = context.recipe.ranges.weights == "mse"
        return reconstructed(program, some, context.progress, search=search)


def reconstructed(
    program: Program, images: Tensor, progress: ProgressCallback = silent, *, search: bool = True
) -> Program:
    """``program`` with new int8 weights and corrected biases, by float32 ``images`` (N, 3, H, W).

    ``program`` must not have been corrected yet. All images are held at once: give at most
    :func:`quantize.corrections.bias_correction.most_images`. ``search`` as in
    :func:`quantize.grids.weights.quantize_weight`.
    """
    twin = _Reconstruction(program, progress, search)
    with torch.no_grad():
        twin.run(images.contiguous(memory_format=torch.channels_last))
    return corrected(replace(program, weights=twin.weights), twin.corrections)


class _Reconstruction(LockStep):
    """Gives each layer its new weight before the layer runs in int8."""

    def __init__(self, program: Program, progress: ProgressCallback, search: bool) -> None:
        super().__init__(program)
        self._search = search
        self.weights = dict(program.weights)
        self._progress = progress
        self._done = 0

    def before_layer(self, node: Node, read: Tensor, exact: Tensor) -> None:
        """Choose the weight of the layer at ``node``."""
        weight = tensor_of(self.program.graph, argument(node, 1))
        if weight[0].numel() <= MOST_UNKNOWNS:
            quantized = self._reconstruct(node, weight, layer_rows(node, weight, read, exact))
            self.weights[node.name] = quantized
            self.int8[argument(node, 1).name].copy_(quantized.dequantize())
        self._done += 1
        self._progress("reconstruction", self._done / len(self.program.weights))

    def _reconstruct(self, node: Node, weight: Tensor, rows: LayerRows) -> QuantizedWeight:
        groups, count, size = rows.inputs.shape
        wanted = weight.reshape(groups, -1, size)
        # Means are the bias's.
        inputs = rows.inputs - rows.inputs.mean(1, keepdim=True)
        errors = rows.outputs - rows.outputs.mean(1, keepdim=True)
        errors -= inputs @ wanted.transpose(1, 2)
        even = rows.images % 2 == 0
        halves = (
            equations(inputs[:, even], errors[:, even]),
            equations(inputs[:, ~even], errors[:, ~even]),
        )
        whole, wanted = halves[0] + halves[1], wanted.double()
        # With few rows for its unknowns, A is these images' more than the layer's.
        penalty = size / count
        if count >= LEAST_ROWS * size and (best := best_penalty(halves)) is not None:
            wanted = wanted + whole.solve(best).transpose(1, 2)
            penalty = max(penalty, best)
        # The scales that lose least of the weight; its values on them are rounded below.
        scale = quantize_for(
            self.program.qparams(argument(node, 0).name),
            wanted.float().reshape(weight.shape),
            bias_of(self.program.graph, node),
            search=self._search,
        ).scale
        hessian = whole.ridge(penalty)
        values = round_to_grids(wanted, hessian, scale.double().reshape(groups, -1))
        return QuantizedWeight(values.reshape(weight.shape).to(torch.int8), scale)
