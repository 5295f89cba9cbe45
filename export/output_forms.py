"""Segmenters whose artefacts give what an app would make of their logits: the same at the input's
size, or the class of each pixel.

Both are computed in floats of the network's own logits, int8 ones read off their grid first, so
that an artefact of each form gives the pixels that the main one gives to who resizes its logits.
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from torch.fx import GraphModule

from export.base import ExportSource
from export.format_info import CLASSES, OutputForm
from quantize.graph.passes.surgery import aten
from tasks.base import Outputs
from tasks.logits import logits_of
from zoo.outputs import OutputSpec
from zoo.segmentation.resizing import resize_logits


def in_form(source: ExportSource, form: OutputForm) -> ExportSource:
    """``source``, a segmenter, whose graph gives ``form``: ``logits`` float32
    (1, classes, H, W), or ``classes`` uint8 (1, H, W), of the lowest class index among equals."""
    if form == "raw":
        return source
    (logits,) = source.interface.outputs
    height, width = source.input_spec.height, source.input_spec.width
    made = replace(logits, shape=(1, logits.shape[1], height, width), key="")
    if form == CLASSES:
        made = OutputSpec(CLASSES, (1, height, width), "class of each pixel", dtype="uint8")
    interface = replace(source.interface, outputs=(made,))
    program, size = source.program, (height, width)
    if program is not None:
        program = replace(program, graph=_extended(program.graph, form, size), interface=interface)
    return replace(
        source,
        graph=_extended(source.graph, form, size),
        program=program,
        float_interface=interface,
        shared={},
        output=form,
    )


def _extended(graph: GraphModule, form: OutputForm, size: tuple[int, int]) -> GraphModule:
    changed = copy.deepcopy(graph)
    end = changed.graph.output_node()
    (last,) = end.all_input_nodes
    value, low = last, last.meta["val"]
    with changed.graph.inserting_before(end):
        if tuple(low.shape[2:]) != size:
            value = changed.graph.call_function(
                aten.upsample_bilinear2d.vec, (value, list(size), False, None)
            )
            value.meta["val"] = low.new_empty((*low.shape[:2], *size))
        if form == CLASSES:
            count, _, *places = value.meta["val"].shape
            value = changed.graph.call_function(aten.argmax.default, (value, 1))
            value.meta["val"] = low.new_empty((count, *places), dtype=torch.int64)
            value = changed.graph.call_function(
                aten._to_copy.default, (value,), {"dtype": torch.uint8}
            )
            value.meta["val"] = low.new_empty((count, *places), dtype=torch.uint8)
    end.replace_input_with(last, value)
    changed.graph.lint()
    changed.recompile()
    return changed


def of_logits(outputs: Outputs, form: OutputForm, size: tuple[int, int]) -> Outputs:
    """What an artefact of ``form`` gives for images of ``size`` (height, width) whose main
    artefact's logits are ``outputs``, float32 (N, classes, h, w): as float32, classes included."""
    logits = logits_of(outputs, "a segmenter")
    rows = []
    for one in logits:  # a stack of them at full resolution may not fit into memory
        found = resize_logits(torch.tensor(one)[None], size)
        made = found.max(1).indices.float() if form == CLASSES else found
        rows.append(made.numpy())
    return {CLASSES if form == CLASSES else next(iter(outputs)): np.concatenate(rows)}
