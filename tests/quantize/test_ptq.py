"""The pipeline end to end on a small network, and the mathematics of its steps."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from quantize import metrics
from quantize.bias_correction import bias_corrections, corrected
from quantize.capture import capture
from quantize.program import Program, load_program
from quantize.ptq import quantize, run_reference
from quantize.qdq import to_reference_dialect
from quantize.qparams import QuantizedWeight
from quantize.recipe import Corrections, Recipe, load_recipe
from tests.quantize.small_networks import SPEC, noise_images, tiny_network
from zoo.errors import InputError


def test_int8_follows_float(program: Program) -> None:
    network, x = tiny_network(), torch.from_numpy(noise_images(64, seed=9))
    with torch.no_grad():
        expected = network.module(x)
    actual = run_reference(program, x, 16)
    assert metrics.sqnr_db(expected, actual) > 20
    assert metrics.agreement(expected, actual) > 0.9
    # The float graph inside differs only by what bias correction changed.
    assert program.summary.calibration_images == 48
    assert program.summary.held_out_images == 16


def test_same_images_give_the_same_program(program: Program) -> None:
    again = quantize(tiny_network(), noise_images(64), load_recipe("ptq"))
    assert again.ranges_sha256() == program.ranges_sha256()
    other = quantize(tiny_network(), noise_images(64, seed=2), load_recipe("ptq"))
    assert other.ranges_sha256() != program.ranges_sha256()


def test_saved_program_is_the_same_program(program: Program, tmp_path: Path) -> None:
    program.save(tmp_path / "program")
    loaded = load_program(tmp_path / "program")
    x = torch.from_numpy(noise_images(3, seed=5))
    assert torch.equal(program.module()(x), loaded.module()(x))
    assert loaded.ranges_sha256() == program.ranges_sha256()
    assert loaded.summary == program.summary


def test_damaged_program_is_one_line(program: Program, tmp_path: Path) -> None:
    program.save(tmp_path / "program")
    (tmp_path / "program" / "program.safetensors").write_bytes(b"cut off")
    with pytest.raises(InputError, match="not a readable program"):
        load_program(tmp_path / "program")


def test_reference_dialect_computes_the_same_values(program: Program) -> None:
    x = torch.from_numpy(noise_images(2, seed=6))
    for float_weights in (False, True):
        graph = to_reference_dialect(program, float_weights=float_weights)
        assert torch.equal(graph(x), program.module()(x))
        weights = [n for n in graph.graph.nodes if "per_channel" in str(n.target)]
        assert len(weights) == len(program.weights) * (2 if float_weights else 1)


def test_bias_correction_gives_the_logits_their_float_means() -> None:
    network, images = tiny_network(), np.abs(noise_images(64))
    plain = quantize(network, images, Recipe(name="plain", corrections=Corrections(bias=False)))
    # A planted rounding error of the worst kind: every weight a few steps too high.
    shifted = {
        name: QuantizedWeight((w.values.int() + 3).clamp(-127, 127).to(torch.int8), w.scale)
        for name, w in plain.weights.items()
    }
    plain = replace(plain, weights=shifted)
    x = torch.from_numpy(images)
    shifts = bias_corrections(plain, x)
    assert set(shifts) == set(plain.weights)
    better = replace(plain, graph=copy.deepcopy(plain.graph))
    corrected(better, shifts)
    with torch.no_grad():
        expected = network.module(x).mean(0)
    before = (run_reference(plain, x, 16).mean(0) - expected).abs().max()
    after = (run_reference(better, x, 16).mean(0) - expected).abs().max()
    # The last layer's own shift is removed exactly; the logits' rounding averages out.
    assert float(before) > 10 * plain.activations[plain.plan.observed[-1]].scale
    assert float(after) < float(before) / 20


def test_correction_is_dropped_when_it_does_not_help(program: Program) -> None:
    kl, kept = program.summary.held_out_kl, program.summary.kept
    assert kept["bias_correction"] == (kl["bias_correction"] < kl["ranges"])


def test_no_images_and_infinite_values_are_refused() -> None:
    with pytest.raises(InputError, match="no images"):
        quantize(tiny_network(), noise_images(4)[:0], load_recipe("ptq"))
    network = tiny_network()
    with torch.no_grad():
        next(network.module.parameters()).fill_(float("nan"))
    with pytest.raises(InputError, match="infinite or NaN"):
        quantize(network, noise_images(8), load_recipe("ptq"))


def test_float_graph_matches_the_module() -> None:
    module, x = tiny_network().module, torch.from_numpy(noise_images(4))
    with torch.no_grad():
        assert torch.allclose(capture(module, SPEC).graph(x), module(x), atol=1e-5)
