"""The loop that trains any subject."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tasks.finetune.loop import (
    RESULT,
    WEIGHTS,
    Split,
    batch_of,
    finetune,
    learning_rate,
    split_pictures,
)
from tasks.finetune.subject import Settings
from zoo.errors import InputError

SETTINGS = Settings(epochs=4, batch=2, rate=0.05, save_every=3, averaging=0.5)


class Line:
    """A line through points: y = 2 x + 1."""

    labels = ("y",)

    def __init__(self, stop_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.network: nn.Module = nn.Linear(1, 1)
        self.seen: list[int] = []
        self._stop_at = stop_at

    def loss(self, indices: Sequence[int], random: torch.Generator) -> Tensor:
        if len(self.seen) == self._stop_at:
            raise KeyboardInterrupt
        self.seen += indices
        x = torch.tensor([[float(index)] for index in indices])
        noise = torch.rand(x.shape, generator=random) * 0.01
        loss: Tensor = (self.network(x) - (2 * x + 1 + noise)).square().mean()
        return loss

    def score(self, network: nn.Module, indices: Sequence[int]) -> dict[str, float]:
        x = torch.tensor([[float(index)] for index in indices])
        with torch.no_grad():
            return {"error": float((network(x) - (2 * x + 1)).abs().mean())}

    def write(self, path: Path, network: nn.Module) -> None:
        save_file(network.state_dict(), path)


def _told(step: str, done: float) -> None:
    assert 0 <= done <= 1


def test_pictures_are_held_out_and_each_is_seen_once_an_epoch() -> None:
    split = split_pictures(11, 0.3, 5, "data")
    assert len(split.validation) == 3 and len(split.training) == 8
    assert sorted(split.training + split.validation) == list(range(11))
    assert split == split_pictures(11, 0.3, 5, "data") != split_pictures(11, 0.3, 6, "data")
    settings = Settings(batch=3)
    epochs = [
        [
            index
            for step in range(3 * n, 3 * n + 3)
            for index in batch_of(split.training, step, settings)
        ]
        for n in range(2)
    ]
    assert all(sorted(epoch) == list(split.training) for epoch in epochs)
    assert epochs[0] != epochs[1]
    with pytest.raises(InputError, match="data: has 1 picture"):
        split_pictures(1, 0.2, 0, "data")


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [learning_rate(step, 100, 1.0) for step in range(100)]
    assert rates[0] == pytest.approx(0.2) and rates[4] == rates[50] == 1.0
    assert rates[75] == pytest.approx(0.5) and 0 < rates[99] < 0.03


def test_a_run_that_was_cut_off_ends_as_a_whole_one(tmp_path: Path) -> None:
    split = Split((0, 1, 2, 3), (4, 5))
    whole = finetune(Line(), split, SETTINGS, tmp_path / "whole", _told, {"a": 1})
    assert whole.steps == 8 and whole.after["error"] < whole.before["error"]
    with pytest.raises(KeyboardInterrupt):
        finetune(Line(stop_at=10), split, SETTINGS, tmp_path / "cut", _told, {"a": 1})
    assert not (tmp_path / "cut" / WEIGHTS).exists()
    again = Line()
    cut = finetune(again, split, SETTINGS, tmp_path / "cut", _told, {"a": 1})
    assert len(again.seen) == 10  # from step 3 on
    assert (cut.before, cut.after) == (whole.before, whole.after)
    states = [load_file(tmp_path / name / WEIGHTS) for name in ("whole", "cut")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    told = json.loads((tmp_path / "cut" / RESULT).read_text())["result"]
    assert told["after"] == whole.after and told["pictures"] == 4 and told["held_out"] == 2


def test_another_request_is_refused(tmp_path: Path) -> None:
    split = Split((0, 1), (2,))
    finetune(Line(), split, SETTINGS, tmp_path, _told, {"a": 1})
    with pytest.raises(InputError, match="holds a training of other settings"):
        finetune(Line(), split, SETTINGS, tmp_path, _told, {"a": 2})


def test_a_rate_that_is_too_high_is_told(tmp_path: Path) -> None:
    class Explodes(Line):
        def loss(self, indices: Sequence[int], random: torch.Generator) -> Tensor:
            return super().loss(indices, random) * float("inf")

    with pytest.raises(InputError, match="the loss is no longer finite at step 1"):
        finetune(Explodes(), Split((0, 1), (2,)), SETTINGS, tmp_path, _told, {})
