"""Weights of one set of classes in a network of another."""

from __future__ import annotations

import torch
from torch import nn

from tasks.finetune.heads import ClassRows, shared_classes, take_over


def _network(classes: int) -> nn.ModuleDict:
    return nn.ModuleDict(
        {
            "body": nn.Linear(3, 5),
            "scores": nn.Linear(5, classes + 1),
            "deltas": nn.Linear(5, 4 * classes),
        }
    )


def test_classes_of_one_name_keep_their_rows() -> None:
    before, after = _network(3), _network(4)
    random = {name: value.clone() for name, value in after.state_dict().items()}
    same = shared_classes(("cat", "dog", "cup"), ("bird", "Cup", "cat", "fish"))
    assert same == {1: 2, 2: 0}
    layers = (ClassRows("scores", extra=1), ClassRows("deltas", rows=4))
    take_over(before.state_dict(), after, layers, same)
    old, new = before.state_dict(), after.state_dict()
    assert torch.equal(new["body.weight"], old["body.weight"])
    for kind in ("weight", "bias"):
        scores, deltas = new[f"scores.{kind}"], new[f"deltas.{kind}"]
        assert torch.equal(scores[[1, 2, 4]], old[f"scores.{kind}"][[2, 0, 3]])
        assert torch.equal(scores[[0, 3]], random[f"scores.{kind}"][[0, 3]])
        assert torch.equal(deltas[4:8], old[f"deltas.{kind}"][8:12])
        assert torch.equal(deltas[8:12], old[f"deltas.{kind}"][0:4])
        assert torch.equal(deltas[12:], random[f"deltas.{kind}"][12:])


def test_other_shapes_stay_as_they_are() -> None:
    before, after = nn.Linear(3, 5), nn.Linear(3, 4)
    random = after.weight.detach().clone()
    take_over(before.state_dict(), after)
    assert torch.equal(after.weight, random)
