"""One-pass bias correction (arXiv:1906.04721, section 4.2, the empirical form).

Quantization shifts the mean of each channel. The float and the int8 network run in lock step over
the same images, layer by layer; before the next layer sees it, each layer's bias takes up the
difference of the means, so later layers are corrected for what earlier ones already repaired.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node

from quantize.passes.surgery import tensor_of
from quantize.program import Program, bias_of, with_dequantized_weights


@torch.no_grad()
def bias_corrections(program: Program, images: Tensor) -> dict[str, Tensor]:
    """What to add to each layer's bias, (out,) float32 by node name, from images (N, 3, H, W)."""
    twin = _LockStep(program)
    twin.run(images.contiguous(memory_format=torch.channels_last))
    return twin.corrections


def corrected(program: Program, corrections: dict[str, Tensor]) -> GraphModule:
    """Add ``corrections`` to the biases of ``program.graph`` in place; returns the graph."""
    for node in program.graph.graph.nodes:
        if node.name in corrections:
            bias = bias_of(program.graph, node)
            assert bias is not None
            bias.add_(corrections[node.name])
    return program.graph


class _LockStep(Interpreter):
    """Runs float and int8 side by side; a value is a pair (float, int8)."""

    def __init__(self, program: Program) -> None:
        super().__init__(program.graph, garbage_collect_values=True)
        self._program = program
        self._weighted = set(program.weights)
        graph = with_dequantized_weights(program)
        self._int8 = {
            node.name: tensor_of(graph, node) for node in graph.graph.nodes if node.op == "get_attr"
        }
        self.corrections: dict[str, Tensor] = {}

    def run_node(self, n: Node) -> object:
        """Run ``n`` for both networks."""
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        if n.op == "get_attr":
            return _Pair(tensor_of(self._program.graph, n), self._int8[n.name])
        if n.op == "placeholder":
            value = super().run_node(n)
            return _Pair(value, self._rounded(n, value))
        if n.op == "output":
            return args[0]
        operator: Any = n.target
        exact = operator(*_side(args, 0), **_side(kwargs, 0))
        rough = operator(*_side(args, 1), **_side(kwargs, 1))
        if n.name in self._weighted:
            channel = 1
            over = [d for d in range(exact.ndim) if d != channel]
            shift = (exact.double() - rough.double()).mean(over).float()
            self.corrections[n.name] = shift
            rough += shift.reshape([-1 if d == channel else 1 for d in range(exact.ndim)])
        return _Pair(exact, self._rounded(n, rough) if isinstance(rough, Tensor) else rough)

    def _rounded(self, node: Node, value: Tensor) -> Tensor:
        grid = self._program.qparams(node.name)
        return value if grid is None else grid.fake_quantize(value)


class _Pair(tuple[object, object]):
    __slots__ = ()

    def __new__(cls, exact: object, rough: object) -> _Pair:
        return super().__new__(cls, (exact, rough))


def _side(value: Any, side: int) -> Any:
    if isinstance(value, _Pair):
        return value[side]
    if isinstance(value, (list, tuple)):
        return type(value)(_side(v, side) for v in value)
    if isinstance(value, dict):
        return {k: _side(v, side) for k, v in value.items()}
    return value
