"""The TorchScript program runs in QNNPACK's integer kernels from end to end."""

from __future__ import annotations

import torch

from tests.export.conftest import Workshop


def test_only_the_pools_run_in_float(workshop: Workshop) -> None:
    made = workshop.make("torchscript", "int8")
    assert made.result.passes["float_islands"] == 2
    kinds = {n.kind() for n in torch.jit.load(str(made.path)).inlined_graph.nodes()}
    assert "quantized::conv2d" in kinds
    assert not kinds & {"aten::conv2d", "aten::_convolution", "aten::hardswish", "aten::mul"}


def test_weights_are_the_program_s(workshop: Workshop) -> None:
    made = workshop.make("torchscript", "int8")
    graph = torch.jit.load(str(made.path)).inlined_graph
    packed = [n for n in graph.nodes() if n.kind().startswith("quantized::conv2d")]
    assert len(packed) == len(workshop.program.weights)


def test_engine_is_restored(workshop: Workshop) -> None:
    before = torch.backends.quantized.engine
    workshop.make("torchscript", "int8")
    assert torch.backends.quantized.engine == before
