"""Trains a subject, from where an earlier run was cut off."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from tasks.finetune.subject import Settings, Subject
from zoo.errors import InputError
from zoo.training import Training

WEIGHTS, RESUME, RESULT = "weights.safetensors", "resume.pth", "finetune.json"

Told = Callable[[str, float], None]
"""Takes a step's name, and how much of it is done in 0..1."""


@dataclass(frozen=True)
class Split:
    """Indices of pictures to train on, and of those that are scored on."""

    training: tuple[int, ...]
    validation: tuple[int, ...]


@dataclass(frozen=True)
class Finetuned:
    """What came of it: the ``weights`` file, its classes, and the metrics before and after, 0..1,
    on ``held_out`` pictures that were not among the ``pictures`` trained on."""

    weights: Path
    labels: tuple[str, ...]
    pictures: int
    held_out: int
    steps: int
    before: dict[str, float]
    after: dict[str, float]


def split_pictures(count: int, share: float, seed: int, origin: str) -> Split:
    """Hold out a share of ``count`` pictures, at least one, drawn by ``seed``.

    Raises:
        InputError: fewer than two pictures.
    """
    if count < 2:
        raise InputError(
            f"{origin}: has {count} picture, and one is held out; give more, or others with "
            "--validation"
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    held = min(count - 1, max(1, round(share * count)))
    return Split(tuple(sorted(order[held:])), tuple(sorted(order[:held])))


def learning_rate(step: int, steps: int, peak: float) -> float:
    """The rate of a step, numbered from 0."""
    rise = (step + 1) / max(1, steps // 20)
    fall = 2 * (steps - step) / steps
    return peak * min(1.0, rise, fall)


def finetune(
    subject: Subject, split: Split, settings: Settings, output: Path, told: Told, request: object
) -> Finetuned:
    """Train, and write the averaged weights and what came of it into ``output``.

    Args:
        subject: what.
        split: on which pictures.
        settings: how long and how fast.
        output: a folder; a run of the same request that was cut off there goes on.
        told: is told each step.
        request: JSON of all that decides the outcome, by which runs are told apart.

    Raises:
        InputError: the folder holds a training of another request, or the loss is not finite.
    """
    output.mkdir(parents=True, exist_ok=True)
    resume = output / RESUME
    training = Training.of(
        subject.network,
        peak_lr=settings.rate,
        weight_decay=settings.weight_decay,
        ema_decay=settings.averaging,
    )
    before = _begin(output, request)
    if before is None:
        told("scoring before", 0.0)
        before = subject.score(subject.network, split.validation)
        _write(output, {"request": request, "before": before})
        told("scoring before", 1.0)
    first = training.resume(resume, "step") or 0
    steps = settings.epochs * math.ceil(len(split.training) / settings.batch)
    for step in range(first, steps):
        random = torch.Generator().manual_seed(settings.seed + step)
        subject.network.train()
        loss = subject.loss(batch_of(split.training, step, settings), random)
        value = training.step(loss, learning_rate(step, steps, settings.rate))
        if not math.isfinite(value):
            raise InputError(
                f"--rate {settings.rate:g}: the loss is no longer finite at step {step + 1}; "
                "give a lower one"
            )
        told("training", (step + 1) / steps)
        if (step + 1) % settings.save_every == 0 or step + 1 == steps:
            training.save(resume, step=step + 1)
    averaged: nn.Module = training.averaged.module
    told("scoring after", 0.0)
    after = subject.score(averaged, split.validation)
    part = (output / WEIGHTS).with_suffix(".part")
    subject.write(part, averaged)
    os.replace(part, output / WEIGHTS)
    told("scoring after", 1.0)
    found = Finetuned(
        output / WEIGHTS,
        subject.labels,
        len(split.training),
        len(split.validation),
        steps,
        before,
        after,
    )
    _write(output, {"request": request, "before": before, "result": told_of(found)})
    return found


def batch_of(pictures: Sequence[int], step: int, settings: Settings) -> list[int]:
    """The pictures of a step: each epoch has its own order."""
    each = math.ceil(len(pictures) / settings.batch)
    random = torch.Generator().manual_seed(settings.seed + 1_000_003 * (step // each + 1))
    order = torch.randperm(len(pictures), generator=random).tolist()
    at = step % each * settings.batch
    return [pictures[place] for place in order[at : at + settings.batch]]


def told_of(found: Finetuned) -> dict[str, object]:
    """What came of it, as JSON has it."""
    return {
        "weights": found.weights.name,
        "labels": list(found.labels),
        "pictures": found.pictures,
        "held_out": found.held_out,
        "steps": found.steps,
        "before": found.before,
        "after": found.after,
    }


def _begin(output: Path, request: object) -> dict[str, float] | None:
    """The metrics before the training that was begun there; None: there is none."""
    if not (output / RESULT).exists():
        return None
    try:
        known = json.loads((output / RESULT).read_text(encoding="utf-8"))
        same, before = known["request"] == request, known["before"]
    except (OSError, ValueError, TypeError, KeyError):
        same, before = False, None
    if not same or not isinstance(before, dict):
        raise InputError(
            f"{output}: holds a training of other settings, data or weights; name another folder"
        )
    return before


def _write(output: Path, content: dict[str, object]) -> None:
    part = (output / RESULT).with_suffix(".part")
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(part, output / RESULT)
