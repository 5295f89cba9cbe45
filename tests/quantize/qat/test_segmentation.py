"""A segmenter is quantized and trained by its pixels, with masks and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from quantize.api import fine_tune
from quantize.judging import geometric_mean
from quantize.program import Program, float_graph
from quantize.ptq import quantize
from quantize.qparams import QuantizedWeight
from quantize.recipe import Recipe, Training, load_recipe
from tasks.table import TASKS
from tests.quantize.small_networks import SPEC, noise_images
from zoo.errors import InputError
from zoo.networks import Network, Weights
from zoo.outputs import plain_interface


class Pixels(nn.Module):
    """A fine and a coarse map joined, as segmentation heads have them."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Hardswish())
        self.coarse = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU())
        self.head = nn.Conv2d(24, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.fine(x)
        coarse = F.interpolate(self.coarse(fine), scale_factor=2.0, mode="bilinear")
        logits: Tensor = self.head(torch.cat([fine, coarse], 1))
        return logits


@pytest.fixture(scope="module")
def damaged() -> Program:
    """A program with something to learn: every fourth weight six steps too high."""
    torch.manual_seed(0)
    module, weights = Pixels().eval(), Weights("random", seed=0)
    with torch.no_grad():
        module.head.weight *= 30  # answers as sure as a trained network's
    interface = plain_interface(module(torch.zeros(SPEC.shape)))
    labels = tuple("abcd")
    network = Network("pixels", module, SPEC, labels, 4, "user", weights, interface=interface)
    program = quantize(network, noise_images(48), load_recipe("ptq-fast"))
    assert program.interface.task == "segmentation" and program.summary.agreement > 0.9
    # Everything is int8: no value of the head waits in float behind the resize.
    assert len(program.weights) == 3
    assert all(
        program.qparams(node.name) is not None
        for node in program.graph.graph.nodes
        if "upsample" in node.name or "cat" in node.name
    )
    moved = {}
    for name, weight in program.weights.items():
        values = weight.values.int().flatten()
        values[::4] += 6
        shifted = values.clamp(-127, 127).to(torch.int8).reshape(weight.values.shape)
        moved[name] = QuantizedWeight(shifted, weight.scale)
    return replace(program, weights=moved)


def _recipe(**qat: object) -> Recipe:
    settings = {"steps": 40, "batch": 8, "evaluate_every": 10, "weight_lr": 0.1, "bias_lr": 0.05}
    settings |= {"ema": 0.8}
    return Recipe(name="short", method="qat", qat=Training.model_validate(settings | qat))


@torch.no_grad()
def _kl(start: Program, program: Program) -> float:
    """The geometric mean over the images, by which training is judged, from the float network that
    ``start`` was made of."""
    x = torch.from_numpy(noise_images(48))
    outputs = ({"logits": graph(x)} for graph in (float_graph(start), program.module()))
    return geometric_mean(TASKS["segmentation"].divergence(*outputs).log())


def test_pixels_are_distilled(damaged: Program) -> None:
    trained = fine_tune(damaged, noise_images(48), _recipe())
    assert trained.summary.kept["qat"] and _kl(damaged, trained) < 0.6 * _kl(damaged, damaged)


def test_masks_are_learned_from_as_images_move(damaged: Program) -> None:
    images = noise_images(48)
    with torch.no_grad():
        answers = float_graph(damaged)(torch.from_numpy(images)).argmax(1)
    masks = answers.to(torch.uint8).repeat_interleave(2, 1).repeat_interleave(2, 2).numpy()
    masks[:, :2] = 255
    recipe = _recipe(label_weight=0.5, flip=True, shift=2)
    trained = fine_tune(damaged, images, recipe, labels=masks)
    assert trained.summary.kept["qat"] and _kl(damaged, trained) < _kl(damaged, damaged)
    with pytest.raises(InputError, match="label_weight asks for labels"):
        fine_tune(damaged, images, recipe)
    assert masks.dtype == np.uint8
