"""Int8 programs: what identifies one, training one further, and what the manifest says of it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fbdeploy.pipeline.keys import code_sha256, key_of, versions
from fbdeploy.pipeline.steps.images import read_images, read_labelled
from fbdeploy.records.manifest import DatasetInfo, Quantization, RecipeInfo, Step
from zoo.dataset_names import RANDOM_IMAGES

if TYPE_CHECKING:
    from quantize.program import Program
    from quantize.recipe import Recipe
    from zoo.datasets import Dataset
    from zoo.networks import Network


def program_key(
    network_key: str, calibration: DatasetInfo, recipe: Recipe, skipped: tuple[str, ...] = ()
) -> str:
    """Identity of the program that post-training quantization makes."""
    return key_of(
        network=network_key,
        calibration=calibration.identity,
        recipe=_applied(recipe, trained=False),
        skipped=",".join(sorted(skipped)),
        versions=dict(versions(("torch", "torchao"))),
        code=code_sha256("quantize", "tasks", "zoo"),
    )


def training_key(start: str, images: DatasetInfo, recipe: Recipe) -> str:
    """Identity of the program that training makes of the one with key ``start``."""
    return key_of(start=start, images=images.identity, recipe=recipe.qat.model_dump(mode="json"))


def most_images(recipe: Recipe) -> int:
    """How many images training reads: those it learns from, and those that judge it."""
    return max(recipe.calibration.images, recipe.qat.images + recipe.calibration.held_out)


def train_program(
    start: Program,
    network: Network,
    dataset: Dataset,
    recipe: Recipe,
    checkpoint: Path,
    *,
    threads: int,
    read: Callable[[int], None],
    progress: Callable[[str, float], None],
) -> Program:
    """Train ``start``; ``read`` is told how many images each batch that was read holds.

    Raises:
        InputError: images that cannot be read, or labels the recipe asks for are missing.
    """
    from quantize.api import fine_tune

    limit, labels = most_images(recipe), None
    if recipe.qat.label_weight:
        images, labels = read_labelled(dataset, network, limit, threads, read)
    else:
        images = read_images(dataset, network, limit, threads, read)
    return fine_tune(start, images, recipe, progress, labels=labels, checkpoint=checkpoint)


def quantization_of(
    program: Program, recipe: Recipe, images: DatasetInfo, key: str, started: float
) -> Quantization:
    """What the manifest says about ``program``; it took since ``started`` (time.monotonic)."""
    from fbdeploy.pipeline.steps.fidelity import fidelity_of

    summary = program.summary
    values = _applied(recipe, trained=summary.method == "qat")
    return Quantization(
        key=key,
        ranges_sha256=program.ranges_sha256(),
        calibration=images,
        recipe=RecipeInfo(
            name=recipe.name,
            sha256=hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest(),
            values=values,
        ),
        steps=_steps(summary.kept, summary.held_out_kl),
        held_out_images=summary.held_out_images,
        held_out_divergence=summary.divergence,
        held_out_agreement=summary.agreement if summary.held_out_images else None,
        sqnr_db=summary.sqnr_db if math.isfinite(summary.sqnr_db) else None,
        # How far int8 is from float on noise says nothing of photographs: no verdict.
        fidelity=None
        if images.name == RANDOM_IMAGES
        else fidelity_of(summary, program.interface.task),
        float_operators=tuple(summary.float_operators),
        seconds=time.monotonic() - started,
    )


def _applied(recipe: Recipe, *, trained: bool) -> dict[str, Any]:
    """The recipe's values, those of training only where there was any."""
    trained = trained or recipe.corrections.distillation
    return recipe.model_dump(mode="json", exclude=set() if trained else {"method", "qat"})


def _steps(kept: dict[str, bool], kl: dict[str, float]) -> tuple[Step, ...]:
    """One entry a corrective step; each was tried on what the steps before had left."""
    steps, before = [], kl.get("ranges")
    for name, stays in kept.items():
        after = kl.get(name)
        change = ""
        if before and after is not None:
            change = f"held-out divergence {'fell' if after < before else 'rose'} by "
            change += f"{100 * abs(after - before) / before:.0f} %"
        steps.append(
            Step(
                name=name.replace("_", " "),
                kept=stays,
                reason=change,
                divergence_before=before,
                divergence_after=after,
            )
        )
        before = after if stays else before
    return tuple(steps)
