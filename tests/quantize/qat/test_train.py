"""Training: better or nothing, and the same whether it was cut off or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from quantize.api import fine_tune, quantize
from quantize.program import Program, float_graph, load_program
from quantize.qat.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from quantize.qparams import QuantizedWeight
from quantize.recipe import Corrections, Recipe, Training
from tests.quantize.small_networks import divergence, noise_images, tiny_network
from zoo.errors import InputError


class Interrupted(Exception):
    """As Ctrl-C between two steps."""


def _recipe(**qat: object) -> Recipe:
    # Rates that 24 steps get somewhere with.
    rates = {"weight_lr": 0.1, "bias_lr": 0.05}
    settings = {"steps": 24, "batch": 8, "evaluate_every": 6, **rates, **qat}
    return Recipe(name="short", method="qat", qat=Training.model_validate(settings))


@pytest.fixture
def damaged(program: Program) -> Program:
    """A program with something to learn: every fourth weight six steps too high."""
    weights = {}
    for name, weight in program.weights.items():
        values = weight.values.int().flatten()
        values[::4] += 6
        shifted = values.clamp(-127, 127).to(torch.int8).reshape(weight.values.shape)
        weights[name] = QuantizedWeight(shifted, weight.scale)
    return replace(program, weights=weights)


def _kl(program: Program, images: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
    x = torch.from_numpy(images)
    with torch.no_grad():
        return divergence(float_graph(program)(x), program.module()(x))


def test_training_gets_nearer_to_float_and_says_so(damaged: Program, tmp_path: Path) -> None:
    recipe = _recipe(steps=60, freeze_grids=0.3, ema=0.8)
    trained = fine_tune(damaged, noise_images(64), recipe)
    summary = trained.summary
    assert summary.method == "qat" and summary.kept["qat"]
    # On images that neither learned nor judged.
    unseen = noise_images(64, seed=11)
    with torch.no_grad():
        x = torch.from_numpy(unseen)
        expected = float_graph(damaged)(x)
        before = divergence(expected, damaged.module()(x))
        after = divergence(expected, trained.module()(x))
    assert after < 0.6 * before
    assert summary.held_out_kl["qat"] < 0.6 * _kl(damaged, noise_images(64))
    trained.save(tmp_path / "program")
    loaded = load_program(tmp_path / "program")
    assert torch.equal(loaded.module()(x), trained.module()(x))
    assert loaded.summary == summary


@pytest.mark.parametrize("rate", [1e3, 1e6])
def test_an_absurd_rate_gives_back_what_it_started_from(program: Program, rate: float) -> None:
    recipe = _recipe(weight_lr=rate, bias_lr=rate, scale_lr=rate, zero_point_lr=rate)
    trained = fine_tune(program, noise_images(64), recipe)
    assert not trained.summary.kept["qat"]
    assert np.isfinite(trained.summary.held_out_kl.get("qat", 0.0))
    assert trained.ranges_sha256() == program.ranges_sha256()
    x = torch.from_numpy(noise_images(4, seed=2))
    assert torch.equal(trained.module()(x), program.module()(x))


def test_training_that_was_cut_off_ends_as_if_it_had_not_been(
    damaged: Program, tmp_path: Path
) -> None:
    recipe = _recipe(flip=True, shift=2, zero_point_lr=0.05)
    images = noise_images(64)
    whole = fine_tune(damaged, images, recipe)
    path = tmp_path / "checkpoint.safetensors"
    seen: list[float] = []

    def cut(step: str, done: float) -> None:
        seen.append(done)
        if len(seen) in (8, 22):  # after the checkpoints of steps 6 and 18
            raise Interrupted

    for _ in range(2):
        with pytest.raises(Interrupted):
            fine_tune(damaged, images, recipe, cut, checkpoint=path)
        assert path.exists()
    resumed = fine_tune(damaged, images, recipe, cut, checkpoint=path)
    assert len(seen) == 8 + 14 + 6  # steps 1-8, 7-20, 19-24
    assert resumed.ranges_sha256() == whole.ranges_sha256()
    assert resumed.summary == whole.summary
    x = torch.from_numpy(images[:4])
    assert torch.equal(resumed.module()(x), whole.module()(x))
    assert not path.exists()


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_not_used(
    damaged: Program, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    whole = fine_tune(damaged, noise_images(64), _recipe())
    for wrong in ("other", "damaged"):
        if wrong == "other":
            tensors = {"parameter/x": torch.zeros(1)}
            save_checkpoint(path, "another run", TrainingState(step=23), tensors)
            assert load_checkpoint(path, "another run") == (TrainingState(step=23), tensors)
        else:
            path.write_bytes(b"cut off")
        assert load_checkpoint(path, "this run") is None
        again = fine_tune(damaged, noise_images(64), _recipe(), checkpoint=path)
        assert again.ranges_sha256() == whole.ranges_sha256()


def test_progress_tells_speed_and_held_out_kl(damaged: Program) -> None:
    told: list[tuple[str, float]] = []
    trained = fine_tune(
        damaged, noise_images(64), _recipe(), lambda step, done: told.append((step, done))
    )
    assert [done for _, done in told] == pytest.approx([k / 24 for k in range(1, 25)])
    assert "->" not in told[0][0] and "images/s" in told[0][0]
    best = min(float(text.rpartition("-> ")[2]) for text, _ in told if "->" in text)
    assert best == pytest.approx(trained.summary.held_out_kl["qat"], rel=6e-3)


def test_labels_are_learned_only_where_asked_for(damaged: Program) -> None:
    images = noise_images(64)
    labels = np.zeros(64, np.int64)
    recipe = _recipe(label_weight=0.01)
    with pytest.raises(InputError, match=r"qat\.label_weight asks for labels"):
        fine_tune(damaged, images, recipe)
    with pytest.raises(InputError, match="the images have none"):
        fine_tune(damaged, images, recipe, labels=np.full(64, -1, np.int64))
    plain = fine_tune(damaged, images, _recipe(), labels=labels)
    assert plain.ranges_sha256() == fine_tune(damaged, images, _recipe()).ranges_sha256()
    taught = fine_tune(damaged, images, recipe, labels=labels)
    assert taught.ranges_sha256() != fine_tune(damaged, images, _recipe()).ranges_sha256()


def test_a_recipe_that_trains_does_both(program: Program) -> None:
    network, images = tiny_network(), noise_images(64)
    trained = quantize(network, images, _recipe(steps=6, evaluate_every=3))
    assert trained.summary.method == "qat" and "qat" in trained.summary.kept
    assert {"ranges", "qat"} <= set(trained.summary.held_out_kl)
    plain = quantize(network, images, Recipe(name="plain"))
    assert plain.summary.method == "ptq" and "qat" not in plain.summary.kept
    assert plain.ranges_sha256() == program.ranges_sha256()


def test_distillation_is_training_as_a_part_of_post_training_quantization() -> None:
    """On the calibration images, without labels whatever the recipe says of them."""
    nothing = dict.fromkeys(Corrections.model_fields, False)
    network, images, recipe = tiny_network(), noise_images(64), _recipe()
    recipe = recipe.model_copy(update={"method": "ptq", "corrections": Corrections(**nothing)})
    plain = quantize(network, images, recipe)
    expected = fine_tune(plain, images, recipe)
    asked = {
        "corrections": Corrections(**{**nothing, "distillation": True}),
        "qat": recipe.qat.model_copy(update={"label_weight": 1.0}),
    }
    tuned = quantize(network, images, recipe.model_copy(update=asked))
    assert plain.summary.kept == {}
    assert tuned.summary.kept == {"distillation": expected.summary.kept["qat"]}
    assert tuned.summary.held_out_kl["distillation"] == expected.summary.held_out_kl["qat"]
    assert tuned.summary.method == "ptq"
    assert tuned.ranges_sha256() == expected.ranges_sha256()


def test_a_network_that_takes_one_image_trains_one_at_a_time(damaged: Program) -> None:
    recipe = _recipe(steps=12, weight_lr=0.05, feature_weight=0.0, ema=0.5)
    whole = fine_tune(damaged, noise_images(32), recipe)
    single = fine_tune(replace(damaged, dynamic_batch=False), noise_images(32), recipe)
    # The same batches, their gradients summed up image by image.
    found, expected = (x.summary.held_out_kl["qat"] for x in (single, whole))
    assert found == pytest.approx(expected, rel=0.2)


def test_no_images_is_one_line(program: Program) -> None:
    with pytest.raises(InputError, match=r"^training: no images"):
        fine_tune(program, noise_images(4)[:0], _recipe())
