from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
import torch
from torch import fx, nn

from export import lazy_graphs
from export.lazy_graphs import lazy_code


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor, scale: float = 2.0) -> torch.Tensor:
        return torch.relu(self.linear(x)) * scale


class Written:
    """How often code was written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        write = fx.GraphModule.recompile

        def counted(module: fx.GraphModule) -> Any:
            self.count += 1
            return write(module)

        monkeypatch.setattr(lazy_graphs, "_write", counted)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    torch.manual_seed(0)
    return Written(monkeypatch)


X = torch.arange(12.0).reshape(4, 3) / 12 - 0.4


def negated(graph: fx.Graph) -> None:
    """Put a negation before the answer."""
    (output,) = graph.find_nodes(op="output")
    with graph.inserting_before(output):
        node = graph.call_function(torch.neg, (output.args[0],))
    output.args = (node,)


def test_code_is_written_when_it_is_called_and_not_again(written: Written) -> None:
    network = Network()
    with lazy_code():
        traced = fx.symbolic_trace(network)
        for _ in range(5):
            traced.recompile()
        assert written.count == 0
        assert torch.equal(traced(X), network(X))
        assert torch.equal(traced(X, 3.0), network(X, 3.0))
        assert written.count == 1
    assert traced.code == fx.symbolic_trace(network).code


@pytest.mark.parametrize("name", ["code", "_code", "_lineno_map", "_prologue_start"])
def test_code_is_there_for_whoever_reads_it(name: str, written: Written) -> None:
    network = Network()
    with lazy_code():
        traced = fx.symbolic_trace(network)
        assert getattr(traced, name) == getattr(fx.symbolic_trace(network), name)
    assert str(traced) == str(fx.symbolic_trace(network))


def test_signature_is_that_of_the_graph(written: Written) -> None:
    with lazy_code():
        traced = fx.symbolic_trace(Network())
        of_class = fx.symbolic_trace(Network())
        assert list(inspect.signature(traced.forward).parameters) == ["x", "scale"]
        assert list(inspect.signature(type(of_class).forward).parameters) == ["self", "x", "scale"]


def test_an_edited_graph_is_what_runs(written: Written) -> None:
    network = Network()
    before = fx.symbolic_trace(network)
    with lazy_code():
        within = fx.symbolic_trace(network)
        for traced in (before, within):
            assert torch.equal(traced(X), network(X))
            negated(traced.graph)
            traced.recompile()
            assert torch.equal(traced(X), -network(X))
            negated(traced.graph)
            traced.recompile()
    # Behind the context, too.
    assert torch.equal(before(X), network(X))
    assert torch.equal(within(X), network(X))
    negated(within.graph)
    within.recompile()
    assert torch.equal(within(X), -network(X))


def test_modules_within_are_as_lazy_and_as_right(written: Written) -> None:
    network = Network()
    outer = fx.Graph()
    outer.output(outer.call_module("inner", (outer.placeholder("x"),)))
    with lazy_code():
        inner = fx.symbolic_trace(network)
        module = fx.GraphModule({"inner": inner}, outer)
        negated(inner.graph)
        module.recompile()
        assert written.count == 0
        assert torch.equal(module(X), -network(X))


def test_copies_and_files_are_whole(written: Written) -> None:
    network = Network()
    with lazy_code():
        traced = fx.symbolic_trace(network)
        copies = [copy.deepcopy(traced), fx.Transformer(traced).transform()]
        copies.append(pickle.loads(pickle.dumps(fx.symbolic_trace(network))))
    assert torch.equal(copy.copy(traced)(X), network(X))
    negated(traced.graph)
    traced.recompile()
    for one in copies:
        assert torch.equal(one(X), network(X))


def test_exported_programs_are_the_same(written: Written) -> None:
    network = Network().eval()
    plain = torch.export.export(network, (X,)).run_decompositions()
    with lazy_code():
        lazy = torch.export.export(network, (X,)).run_decompositions()
        assert lazy.graph_module.code == plain.graph_module.code
        assert torch.equal(lazy.module()(X), network(X))
    assert torch.equal(lazy.module()(X), network(X))


def test_an_error_leaves_everything_as_it_was() -> None:
    recompile = fx.GraphModule.recompile
    with pytest.raises(RuntimeError, match="on the way"), lazy_code():
        assert fx.GraphModule.recompile is not recompile
        raise RuntimeError("on the way")
    assert fx.GraphModule.recompile is recompile
