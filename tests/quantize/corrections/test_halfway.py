"""A quantization that is halted at every question of its search, and goes on from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from quantize.analysis import findings
from quantize.analysis.findings import Question, Unfinished
from quantize.corrections.halfway import Halfway
from quantize.graph.capture import Captured, capture, load_captured
from quantize.ptq import quantize_captured
from quantize.recipe import Calibration, Corrections, MixedPrecision, Recipe
from tests.quantize.small_networks import SPEC, Joined, noise_images
from zoo.networks import Network, Weights

RECIPE = Recipe(
    name="mixed",
    calibration=Calibration(images=48, held_out=12),
    corrections=Corrections(equalization=False),
    mixed_precision=MixedPrecision(max_operators=4, max_cost_share=1.0, min_gain=0.01),
)
PROCESSES = 3


@pytest.fixture(scope="module")
def network() -> Network:
    """One channel of the first result is so wide that the others' steps are too coarse."""
    torch.manual_seed(4)
    module = Joined().eval()
    with torch.no_grad():
        module.a.weight[0] *= 64
        module.b.weight[:, 0] /= 64
        module.head.weight[:, 0] /= 64
    return Network("b", module, SPEC, tuple("abcde"), 5, "user", Weights("random"))


@pytest.fixture
def captured(network: Network, tmp_path: Path) -> Captured:
    """As deployments have it, read from a file."""
    capture(network.module, network.input_spec, network.interface).save(tmp_path / "graph")
    return load_captured(tmp_path / "graph")


def test_a_halted_search_makes_the_same_program(
    network: Network, captured: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = noise_images(48, seed=5)
    whole = quantize_captured(captured, network, images, RECIPE)
    assert whole.summary.float_operators, "there is something to find"
    monkeypatch.setattr(findings, "OVERHEAD_SECONDS", 0.0)
    halfway = Halfway(tmp_path / "search", PROCESSES)
    asked: list[Question] = []
    while True:
        try:
            resumed = quantize_captured(captured, network, images, RECIPE, halfway=halfway)
            break
        except Unfinished as unfinished:
            asked.append(unfinished.question)
            for number, share in enumerate(asked[-1].shares(PROCESSES)):
                halfway.keep(halfway.answer(share), f"{len(asked)}-{number}")
    assert halfway.findings().seconds > 0
    assert asked[0].positions and not asked[0].choices
    assert len(asked) >= 3 and all(one.choices and not one.positions for one in asked[1:])
    tried = [choice for one in asked for choice in one.choices]
    assert len(set(tried)) == len(tried), "nothing is asked twice"
    whole.save(tmp_path / "whole")
    resumed.save(tmp_path / "resumed")
    for name in ("program.json", "program.safetensors"):
        assert (tmp_path / "resumed" / name).read_bytes() == (
            tmp_path / "whole" / name
        ).read_bytes(), name


def test_shares_are_the_question_together() -> None:
    question = Question(positions=tuple(range(5)), choices=())
    shares = question.shares(2)
    assert [one.positions for one in shares] == [(0, 2, 4), (1, 3)]
    assert len(question.shares(9)) == 5
    assert np.concatenate([one.positions for one in shares]).size == 5


def test_a_search_ends_only_where_other_processes_are_sooner() -> None:
    known = findings.Findings(processes=2)
    choices = [frozenset({"a"}), frozenset({"b", "a"})]
    known.ask_for_trials(choices, 1.9 * findings.OVERHEAD_SECONDS)
    with pytest.raises(Unfinished) as raised:
        known.ask_for_trials(choices, 2.1 * findings.OVERHEAD_SECONDS)
    assert raised.value.question == Question(choices=(("a",), ("a", "b")))
    findings.Findings().ask_for_ranks([1, 2], 1e9)
