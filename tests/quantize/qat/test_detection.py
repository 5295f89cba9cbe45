"""A detector learns from the float one, whose choices it follows while it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from quantize.api import fine_tune
from quantize.corrections.bias_correction import LockStep
from quantize.judging import geometric_mean
from quantize.program import Program, float_graph
from quantize.ptq import quantize
from quantize.qat.module import QatModule
from quantize.qat.teacher import teach
from quantize.qparams import QuantizedWeight
from quantize.recipe import Recipe, Training, load_recipe
from tasks.table import TASKS
from tests.quantize.tiny_detector import SIDE, tiny_detector
from zoo.errors import InputError


def _images(count: int, seed: int = 3) -> NDArray[np.float32]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 3, SIDE, SIDE, generator=generator).sub(0.5).mul(4).numpy()


@pytest.fixture(scope="module")
def program() -> Program:
    return quantize(tiny_detector(), _images(48), load_recipe("ptq-fast"))


@pytest.fixture(scope="module")
def damaged(program: Program) -> Program:
    """With something to learn: every fourth weight six steps too high."""
    moved = {}
    for name, weight in program.weights.items():
        values = weight.values.int().flatten()
        values[::4] += 25
        shifted = values.clamp(-127, 127).to(torch.int8).reshape(weight.values.shape)
        moved[name] = QuantizedWeight(shifted, weight.scale)
    return replace(program, weights=moved)


@torch.no_grad()
def _divergence(start: Program, program: Program) -> float:
    """From the float network that ``start`` was made of, on images that nobody has seen."""
    x, interface = torch.from_numpy(_images(32, seed=5)), start.interface
    graphs = (float_graph(start), program.module())
    outputs = (interface.named(graph(x)) for graph in graphs)
    return geometric_mean(TASKS["detection"].divergence(*outputs).clamp_min(1e-6).log())


def test_its_answers_are_distilled(damaged: Program) -> None:
    settings = {"steps": 30, "batch": 8, "evaluate_every": 10, "weight_lr": 0.2, "bias_lr": 0.1}
    qat = Training.model_validate(settings | {"ema": 0.8})
    recipe = Recipe(name="short", method="qat", qat=qat)
    trained = fine_tune(damaged, _images(96), recipe)
    assert trained.summary.kept["qat"]
    assert _divergence(damaged, trained) < 0.75 * _divergence(damaged, damaged)


def test_labels_are_refused(damaged: Program) -> None:
    qat = Training.model_validate({"steps": 1, "batch": 2, "label_weight": 0.5})
    recipe = Recipe(name="labelled", method="qat", qat=qat)
    with pytest.raises(InputError, match=r"set qat\.label_weight to 0"):
        fine_tune(damaged, _images(16), recipe, labels=np.zeros(16, np.int64))


def test_while_it_learns_its_rows_are_those_of_the_float_one(damaged: Program) -> None:
    x, interface = torch.from_numpy(_images(8, seed=7)), damaged.interface
    lesson = teach(float_graph(damaged), interface, x, ())
    wanted = lesson.watched.outputs
    module = QatModule(damaged)
    followed = interface.named(module.run(x, choices=lesson.choices)[0])
    alone = interface.named(module(x))
    there = wanted["scores"] > 0
    assert torch.equal(followed["labels"], wanted["labels"])
    assert torch.equal(followed["scores"] > 0, there)
    far = [(found["boxes"] - wanted["boxes"])[there].abs().mean() for found in (followed, alone)]
    assert far[0] < 0.3 * far[1]
    # And so they are in lock step.
    exact, rough = zip(*LockStep(damaged).run(x), strict=True)
    for side in (exact, rough):
        assert torch.equal(interface.named(side)["labels"], wanted["labels"])
    with torch.no_grad():
        assert torch.equal(interface.named(exact)["boxes"], wanted["boxes"])
