"""What a graph chooses is recorded, and imposed on another run of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from quantize.graph.choices import choice_of, following


class Chooses(nn.Module):
    def __init__(self, choose: Callable[[Tensor], tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.choose = choose

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.choose(x)


CHOICES: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "topk": lambda x: torch.topk(x, 3),
    "topk, a dimension": lambda x: torch.topk(x, 2, 1),
    "sort": lambda x: torch.sort(x, 1),
    "max": lambda x: torch.max(x, 1),
    "max, kept": lambda x: torch.max(x, -1, keepdim=True),
    "min": lambda x: torch.min(x, 2),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_selection_takes_what_another_took(name: str) -> None:
    choose = CHOICES[name]
    torch.manual_seed(0)
    first, second = torch.randn(2, 5, 7), torch.randn(2, 5, 7)
    graph = torch.export.export(Chooses(choose), (first,)).graph
    (node,) = (n for n in graph.nodes if n.op == "call_function" and "getitem" not in n.name)
    values, places = choose(first)
    choice = choice_of(node, (values, places))
    assert choice is not None and torch.equal(choice, places)
    # The values move with the input as they do where the input chooses itself.
    followed, same = following(node, 2 * first + 1, choose(second), choice)
    assert torch.equal(same, places) and torch.equal(followed, 2 * values + 1)


def test_what_counts_or_compares_is_a_choice_and_what_computes_is_none() -> None:
    graph = torch.export.export(_Mixed(), (torch.randn(4),)).graph
    larger, total = (n for n in graph.nodes if n.op == "call_function")
    value = torch.tensor([True, False, True, False])
    assert choice_of(larger, value) is value
    assert choice_of(total, torch.ones(4)) is None
    assert following(larger, torch.zeros(4), ~value, value) is value


class _Mixed(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x > 0, x + 1
