"""One quantized program for all tests of the folder."""

from __future__ import annotations

import pytest
import torch

from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe, ranges_only
from tests.quantize.small_networks import noise_images, tiny_network


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def program() -> Program:
    return quantize(tiny_network(), noise_images(64), load_recipe("ptq"))


@pytest.fixture(scope="session")
def plain() -> Program:
    """The same before any correction."""
    return quantize(tiny_network(), noise_images(64), ranges_only(load_recipe("ptq")))
