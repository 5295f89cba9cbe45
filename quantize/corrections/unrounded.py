"""Biases for runtimes that round nothing between a layer and its hard-swish.

Bias correction makes up for that rounding too, which shifts a channel's mean by part of a step;
where the runtime does not round there, what was to repair it is an error. On the embedded network
the logits of such a runtime had 25.6 dB to float's instead of 30.2; with biases of their own, 30.8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor
from torch.fx import GraphModule

from quantize.corrections.bias_correction import bias_corrections, correction_images
from quantize.forms.hard_swish import float_between
from quantize.program import Program


def with_unrounded_biases(
    program: Program, exact: GraphModule, images: Tensor, judge: Callable[[Program], float]
) -> Program:
    """``program`` with :attr:`Program.unrounded` from some of the float32 ``images`` (N, 3, H, W).

    ``program`` has been corrected or trained, ``exact`` is the float network it was made from. It
    comes back as it is where it takes one image at a time, where it has no hard-swish behind a
    layer, or where ``judge``, the held-out KL in nats, does not fall.
    """
    plain, count = float_between(replace(program, unrounded={}))
    if not count or not program.dynamic_batch:
        return program
    some = correction_images(program.graph, images)
    trial = replace(program, unrounded=bias_corrections(plain, some, exact))
    return trial if judge(float_between(trial)[0]) < judge(plain) else program
