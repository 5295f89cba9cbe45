"""A runtime that does not round before hard-swish has no use for what repaired that rounding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quantize.corrections.bias_correction import bias_corrections
from quantize.corrections.unrounded import with_unrounded_biases
from quantize.forms.hard_swish import float_between, product_form
from quantize.program import Program, corrected, float_graph, load_program
from quantize.ptq import quantize
from quantize.qat.module import QatModule, convert
from quantize.qat.train import QatData, train
from quantize.recipe import Recipe, Training, ranges_only
from tests.quantize.small_networks import SPEC, divergence, noise_images
from zoo.networks import Network, Weights


class Coarse(nn.Module):
    """One channel is so large that the steps of all are coarse for the others."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, stride=2), nn.Conv2d(8, 5, 1)
        with torch.no_grad():
            self.first.weight[0] *= 100
            self.second.weight[:, 0] *= 0.01

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.hardswish(self.first(x))).mean((2, 3))


def _ranges_only(images: Tensor) -> Program:
    torch.manual_seed(0)
    weights = Weights("random", seed=0)
    network = Network("coarse", Coarse().eval(), SPEC, tuple("abcde"), 5, "user", weights)
    return quantize(network, images.numpy(), ranges_only(Recipe(name="ranges")))


def _corrected(images: Tensor) -> Program:
    plain = _ranges_only(images)
    return corrected(plain, bias_corrections(plain, images))


def test_biases_are_those_of_what_is_computed(tmp_path: Path) -> None:
    images, other = torch.from_numpy(noise_images(64)), torch.from_numpy(noise_images(64, seed=9))
    program = _corrected(images)
    judged: list[float] = []

    def judge(trial: Program) -> float:
        judged.append(divergence(logits, trial.module()(other)))
        return judged[-1]

    torch.manual_seed(0)
    logits = Coarse().eval()(other).detach()
    done = with_unrounded_biases(program, float_graph(program), images, judge)
    trial, before = judged
    assert trial < 0.5 * before
    assert set(done.unrounded) == set(program.corrections)
    # The program itself computes what it did.
    assert torch.equal(done.module()(other), program.module()(other))
    done.save(tmp_path / "program")
    again = load_program(tmp_path / "program")
    assert judge(float_between(again)[0]) == trial
    assert not convert(QatModule(done)).unrounded


def test_they_are_left_out_where_they_do_not_help() -> None:
    images = torch.from_numpy(noise_images(16))
    program = _corrected(images)
    exact = float_graph(program)
    assert with_unrounded_biases(program, exact, images, lambda trial: 1.0) is program


def test_nothing_to_do_without_a_hard_swish() -> None:
    images = torch.from_numpy(noise_images(16))
    program = product_form(_corrected(images))[0]
    exact = float_graph(program)
    assert with_unrounded_biases(program, exact, images, lambda trial: 0.0) is program


def test_a_trained_program_has_its_own() -> None:
    images = torch.from_numpy(noise_images(96))
    start = _ranges_only(images)
    settings = Training(steps=60, batch=16, bias_lr=0.02)
    data = QatData(images[:64], images[64:])
    trained = train(start, data, settings, progress=lambda step, done: None)
    assert trained.summary.kept["qat"] and trained.unrounded
    with torch.no_grad():
        logits = start.graph(data.held_out)
    own, without = (
        divergence(logits, float_between(program)[0].module()(data.held_out))
        for program in (trained, replace(trained, unrounded={}))
    )
    assert own < without
