"""Running a graph node by node while watching, or changing, what its nodes produce."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.choices import Choices, Follower
from zoo.outputs import Returned

#: Receives a node and its value, returns the value its readers see.
Hook = Callable[[Node, Tensor], Tensor]


class HookedInterpreter(Follower):
    """Runs ``graph`` on a float32 batch (N, 3, H, W) and passes every tensor through ``hook``."""

    def __init__(self, graph: GraphModule, hook: Hook, choices: Choices | None = None) -> None:
        super().__init__(graph, choices)
        self._hook = hook

    def run_node(self, n: Node) -> Any:
        """Run one node and give its value to the hook."""
        value = super().run_node(n)
        if n.op in ("placeholder", "call_function") and isinstance(value, Tensor):
            return self._hook(n, value)
        return value


def image_batches(images: Tensor, size: int) -> Iterator[Tensor]:
    """Batches of ``images`` (N, 3, H, W) in channels_last, which CPU convolutions prefer."""
    for start in range(0, len(images), size):
        yield images[start : start + size].contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def batched_outputs(network: Callable[[Tensor], Returned], images: Tensor, size: int) -> Returned:
    """What ``network`` makes of ``images`` (N, 3, H, W), ``size`` at a time; batch first."""
    parts = [network(part) for part in image_batches(images, size)]
    alone = isinstance(parts[0], Tensor)
    joined = tuple(map(torch.cat, zip(*(in_order(part) for part in parts), strict=True)))
    return joined[0] if alone else joined


def in_order(returned: Returned) -> tuple[Tensor, ...]:
    """What a graph returns as a tuple, its only output, too."""
    return (returned,) if isinstance(returned, Tensor) else returned


def value_bytes(graph: GraphModule) -> list[int]:
    """Bytes of each float32 value of ``graph`` for one image."""
    values = [node.meta.get("val") for node in graph.graph.nodes if node.op != "get_attr"]
    return [
        4 * int(torch.Size(value.shape[1:]).numel())
        for value in values
        if isinstance(value, Tensor) and value.ndim > 1
    ]


def largest_value_bytes(graph: GraphModule) -> int:
    """Bytes of the largest float32 value of ``graph`` for one image."""
    return max([4, *value_bytes(graph)])


#: Values of at most 16 MB each: malloc maps what is larger than 32 MB again for every operator
#: (mallopt(3), M_MMAP_THRESHOLD). fbnetv3_b's ranges of 64 images take 3.2 s of one thread so, 3.8
#: with 42 MB; on two threads both take 2.4 s.
BATCH_BYTES = 8 * 16_000_000


def batch_size(graph: GraphModule, dynamic: bool, budget_bytes: int = BATCH_BYTES) -> int:
    """How many images fit ``budget_bytes`` when the largest value of ``graph`` is held 8 times."""
    if not dynamic:
        return 1
    return max(1, min(32, budget_bytes // (8 * largest_value_bytes(graph))))
