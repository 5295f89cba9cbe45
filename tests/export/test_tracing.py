"""Tracing without debug records traces the same, and leaves torch as it was."""

from __future__ import annotations

import pytest
import torch
from torch.export import ExportedProgram
from torch.fx import config
from torch.fx.traceback import NodeSource

from export.tracing import light_tracing
from tests.quantize.small_networks import SPEC, tiny_network


def _traced() -> ExportedProgram:
    module = tiny_network().module
    return torch.export.export(module, (torch.zeros(SPEC.shape),)).run_decompositions()


def _history(program: ExportedProgram) -> list[int]:
    """How many earlier nodes each node knows of."""
    lengths = []
    for node in program.graph.nodes:
        sources, length = node.meta.get("from_node", []), 0
        while sources:
            sources, length = sources[0].from_node, length + 1
        lengths.append(length)
    return lengths


def test_the_same_graph_without_stack_traces() -> None:
    heavy = _traced()
    with light_tracing():
        light = _traced()
    assert light.graph_module.code == heavy.graph_module.code
    assert any(node.stack_trace for node in heavy.graph.nodes)
    assert not any(node.stack_trace for node in light.graph.nodes)
    assert _history(light) == _history(heavy) and max(_history(light)) > 1


def test_torch_is_left_as_it_was() -> None:
    with pytest.raises(RuntimeError, match="on the way"), light_tracing():
        assert config.do_not_emit_stack_traces
        raise RuntimeError("on the way")
    assert not config.do_not_emit_stack_traces
    assert "__deepcopy__" not in vars(NodeSource)
