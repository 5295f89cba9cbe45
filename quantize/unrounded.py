"""Biases for runtimes that round nothing between a layer and its hard-swish.

Bias correction makes up for that rounding too, which shifts a channel's mean by part of a step;
where the runtime does not round there, what was to repair it is an error. On the embedded network
the logits of such a runtime had 25.6 dB to float's instead of 30.2; with biases of their own, 30.8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from quantize.bias_correction import bias_corrections
from quantize.hard_swish import float_between
from quantize.program import Program, float_graph


def with_unrounded_biases(
    program: Program, images: Tensor, judge: Callable[[Program], float]
) -> Program:
    """``program`` with :attr:`Program.unrounded` from float32 ``images`` (N, 3, H, W).

    ``program`` has been corrected; it comes back as it is where that has no hard-swish to do with,
    or where ``judge``, the held-out KL in nats, does not fall. All images are held at once: give at
    most :func:`quantize.bias_correction.most_images`.
    """
    plain, count = float_between(program)
    if not count or not program.corrections:
        return program
    uncorrected = replace(plain, graph=float_graph(program), corrections={})
    found = bias_corrections(uncorrected, images)
    shifts = {name: shift - program.corrections[name] for name, shift in found.items()}
    trial = replace(program, unrounded=shifts)
    return trial if judge(float_between(trial)[0]) < judge(plain) else program
