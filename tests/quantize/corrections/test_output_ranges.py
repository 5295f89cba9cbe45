from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from quantize.corrections import output_ranges
from quantize.corrections.output_ranges import FINALISTS, search_ranges
from quantize.program import Program
from quantize.ptq import quantize
from quantize.qparams import QParams
from quantize.recipe import Recipe, ranges_only
from tests.quantize.small_networks import SPEC, noise_images, tiny_network
from zoo.networks import Network, Weights

OUTLIER = 0


class Ignored(nn.Module):
    """A value whose first channel is large, and hardly read (``gain``)."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 5, 1)
        self.act = nn.ReLU()
        with torch.no_grad():
            self.first.weight[OUTLIER] *= 60
            self.second.weight[:, OUTLIER] *= gain

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.act(self.first(x))).mean((2, 3))


def _images() -> Tensor:
    return torch.randn(48, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def _program(gain: float) -> tuple[Program, str, Network]:
    torch.manual_seed(3)
    module = Ignored(gain).eval()
    labels = tuple("abcde")
    network = Network("ignored", module, SPEC, labels, 5, "user", Weights("random", seed=0))
    recipe = ranges_only(Recipe(name="ranges"))
    program = quantize(network, _images().numpy(), recipe)
    return program, next(n for n in program.activations if "relu" in n), network


def test_an_outlier_is_cut_off_where_nothing_reads_it() -> None:
    program, value, _ = _program(gain=0.0)
    found = search_ranges(program, _images())
    assert found[value].high < 0.3 * program.activations[value].high


def test_an_outlier_stays_where_it_is_read() -> None:
    program, value, _ = _program(gain=1.0)
    found = search_ranges(program, _images())
    assert found[value].high > 0.7 * program.activations[value].high


def test_the_chosen_grid_is_the_best_by_the_logits_themselves() -> None:
    program, value, network = _program(gain=0.02)
    chosen = search_ranges(program, _images())[value]
    with torch.no_grad():
        expected = network.module(_images())

    def error(grid: QParams) -> float:
        alone = replace(program, activations={value: grid}, weights={})
        difference = alone.module()(_images()) - expected
        # A shift of a channel is left to bias correction, so it does not count.
        return float((difference - difference.mean(0)).square().sum())

    grid = program.activations[value]
    others = [QParams(grid.scale * factor, grid.zero_point) for factor in (0.2, 0.4, 0.7, 1.0, 1.4)]
    assert error(chosen) <= 1.2 * min(error(other) for other in others)


def test_a_graph_of_one_image_at_a_time_has_its_ranges_searched() -> None:
    program, value, _ = _program(gain=0.0)
    found = search_ranges(replace(program, dynamic_batch=False), _images()[:8])
    assert found[value].high < 0.3 * program.activations[value].high


def test_finalists_are_chosen_as_all_candidates_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise_images(64)
    program = quantize(tiny_network(), images, ranges_only(Recipe(name="ranges")))
    tried: list[int] = []
    trials = output_ranges._trials

    def counted(grids: list[QParams], value: Tensor, slopes: list[Tensor]) -> Tensor:
        tried.append(len(grids))
        return trials(grids, value, slopes)

    monkeypatch.setattr(output_ranges, "_trials", counted)
    found = search_ranges(program, torch.from_numpy(images)[:48])
    few = sum(tried)
    assert tried.count(FINALISTS) > len(tried) / 2
    monkeypatch.setattr(output_ranges, "FINALISTS", 99)
    tried.clear()
    everything = search_ranges(program, torch.from_numpy(images)[:48])
    assert few < 0.7 * sum(tried)
    # A third of the images now and then prefers another of two that are about as good.
    assert sum(found[name] == everything[name] for name in found) >= len(found) - 2
