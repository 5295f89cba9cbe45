"""Quantization-aware training that ends with a program no worse than the one it starts from."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from quantize.corrections.unrounded import with_unrounded_biases
from quantize.graph.interpret import batch_size
from quantize.judging import Judge, geometric_mean, significantly_lower
from quantize.program import Program, float_graph
from quantize.qat.average import MovingAverage, assign
from quantize.qat.batches import TrainingImages
from quantize.qat.checkpoint import TrainingState, load_checkpoint, save_checkpoint
from quantize.qat.loss import Watched, feature_points, training_loss
from quantize.qat.module import QatModule, convert
from quantize.qat.teacher import teach
from quantize.recipe import Training

logger = logging.getLogger(__name__)

#: Gradients longer than this are shortened to it: one odd batch must not undo many steps.
LONGEST_GRADIENT = 1.0
#: Batches without an update, their loss or gradient not finite, after which training ends.
MOST_SKIPPED = 20


@dataclass(frozen=True)
class QatData:
    """Pre-processed float32 images (N, 3, H, W): to learn from, and held out to judge by.

    ``labels``, int64 (N,) or classes of pixels, uint8 (N, H, W), are those of ``images``; needed
    where the loss asks for them.
    """

    images: Tensor
    held_out: Tensor
    labels: Tensor | None = None


def train(
    program: Program,
    data: QatData,
    settings: Training,
    *,
    checkpoint: Path | None = None,
    progress: Callable[[str, float], None],
    method: Literal["ptq", "qat"] = "qat",
) -> Program:
    """Train ``program`` to answer as the float network it was made from.

    Its summary calls that ``qat``, or, as a part of post-training quantization (``method``),
    ``distillation``. The moving average of the parameters is judged by the held-out images every
    few steps. The best becomes a program; ``program`` itself comes back where none is better, and
    its summary says so. With ``checkpoint``, a file, training that was cut off goes on from there
    and ends as if it had not been; the file is removed at the end.
    """
    run = _Run(program, data, settings, method)
    identity = _identity(program, data, settings)
    if checkpoint is not None:
        run.resume(checkpoint, identity)
    started, first = time.monotonic(), run.done.step
    while run.done.step < settings.steps and run.done.skipped < MOST_SKIPPED:
        run.step()
        if run.done.step % settings.evaluate_every == 0 or run.done.step == settings.steps:
            run.judge()
            if checkpoint is not None:
                save_checkpoint(checkpoint, identity, run.done, run.tensors())
        speed = (run.done.step - first) * settings.batch / (time.monotonic() - started)
        progress(run.describe(speed), run.done.step / settings.steps)
    trained = run.best_program()
    if checkpoint is not None:
        with suppress(OSError):  # removing it is tidy, and nothing more
            checkpoint.unlink(missing_ok=True)
    return trained


class _Run:
    """One training run; ``done`` says how far it is."""

    def __init__(
        self,
        program: Program,
        data: QatData,
        settings: Training,
        method: Literal["ptq", "qat"],
    ) -> None:
        self._program, self._settings, self._method = program, settings, method
        self._module, self._teacher = QatModule(program), float_graph(program)
        self._images = TrainingImages(
            data.images,
            data.labels,
            flip=settings.flip,
            shift=settings.shift,
            seed=settings.seed,
        )
        self._points = feature_points(program)
        self._parameters = dict(self._module.named_parameters())
        rates = {
            "weights": settings.weight_lr,
            "biases": settings.bias_lr,
            "scales": settings.scale_lr,
            "zero_points": settings.zero_point_lr,
        }
        groups = self._module.parameter_groups()
        self._optimizer = torch.optim.Adam(
            [{"params": groups[kind], "lr": rate, "rate": rate} for kind, rate in rates.items()],
            foreach=True,
        )
        self._average = MovingAverage(self._module, settings.ema)
        self._best: dict[str, Tensor] | None = None
        self._most_at_once = settings.batch if program.dynamic_batch else 1
        batch = batch_size(program.graph, program.dynamic_batch)
        self._judge = Judge.of(self._teacher, data.held_out, batch, program.interface)
        self._start = self._judge.log_divergence(program.module())
        self._start_kl = geometric_mean(self._start)
        self.done = TrainingState()

    def step(self) -> None:
        """Learn from one batch."""
        settings, step = self._settings, self.done.step
        frozen = step >= (1 - settings.freeze_grids) * settings.steps
        self._module.train_grids(not frozen)
        cosine = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * cosine
        images, labels = self._images.batch(step, settings.batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss = 0.0
        # Slices stay in channels_last, which CPU convolutions prefer.
        for start in range(0, len(images), self._most_at_once):
            taken = slice(start, start + self._most_at_once)
            part = self._loss(images[taken], None if labels is None else labels[taken])
            part = part * (len(images[taken]) / len(images))
            part.backward()  # type: ignore[no-untyped-call]
            loss += float(part.detach())
        length = nn.utils.clip_grad_norm_(self._parameters.values(), LONGEST_GRADIENT)
        if math.isfinite(loss) and bool(torch.isfinite(length)):
            self._optimizer.step()
            self._average.update()
        else:
            self.done.skipped += 1
        self.done.step += 1

    def judge(self) -> None:
        """Measure the averaged parameters on the held-out images; remember the best."""
        with self._average.applied():
            found = self._judge.log_divergence(self._module)
        kl = geometric_mean(found)
        self.done.history.append((self.done.step, kl))
        best = self._start_kl if self.done.best_kl is None else self.done.best_kl
        # Written so that NaN is not better.
        if kl < best and significantly_lower(self._start, found):
            self.done.best_kl = kl
            self._best = {name: t.clone() for name, t in self._average.tensors.items()}

    def best_program(self) -> Program:
        """The program of the best parameters, or the one training started from."""
        if self._best is not None:
            assign(self._parameters, self._best)
        trained = self._program
        if self._best is not None:
            trained = with_unrounded_biases(
                convert(self._module), self._teacher, self._images.images, self._judge.divergence
            )
        summary = self._program.summary
        reached = [kl for _, kl in self.done.history if math.isfinite(kl)]
        step = "qat" if self._method == "qat" else "distillation"
        kl = {step: self.done.best_kl or min(reached)} if reached else {}
        likeness = self._judge.likeness(trained)
        return replace(
            trained,
            summary=replace(
                summary,
                method=self._method,
                kept={**summary.kept, step: self._best is not None},
                held_out_kl={**summary.held_out_kl, **kl},
                sqnr_db=likeness.sqnr_db,
                agreement=likeness.agreement,
                alone=likeness.alone,
            ),
        )

    def describe(self, speed: float) -> str:
        """How training goes, for the user."""
        text = f"training, {speed:.1f} images/s, held-out KL {self._start_kl:.3g}"
        if self.done.history:
            text += f" -> {self.done.history[-1][1]:.3g}"
        return text

    def tensors(self) -> dict[str, Tensor]:
        """All of the run's state that is not in ``done``, by name."""
        found: dict[str, Tensor] = {}
        for name, parameter in self._parameters.items():
            found[f"parameter/{name}"] = parameter
            for key, value in self._optimizer.state.get(parameter, {}).items():
                found[f"adam/{key}/{name}"] = value
        found |= {f"average/{name}": value for name, value in self._average.tensors.items()}
        found |= {f"best/{name}": value for name, value in (self._best or {}).items()}
        return found

    def resume(self, path: Path, identity: str) -> None:
        """Go on from a checkpoint of this very run, if there is one."""
        stored = load_checkpoint(path, identity)
        if stored is None:
            return
        self.done, tensors = stored
        parts: dict[str, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            part, _, name = key.rpartition("/")
            parts.setdefault(part, {})[name] = value
        assign(self._parameters, parts["parameter"])
        self._average.tensors = parts["average"]
        self._best = parts.get("best")
        for name, parameter in self._parameters.items():
            state = {
                k[5:]: v[name] for k, v in parts.items() if k.startswith("adam/") and name in v
            }
            if state:
                self._optimizer.state[parameter] = state

    def _loss(self, images: Tensor, labels: Tensor | None) -> Tensor:
        interface = self._program.interface
        lesson = teach(self._teacher, interface, images, self._points)
        returned, features = self._module.run(images, self._points, lesson.choices)
        student = Watched(interface.named(returned), features)
        return training_loss(self._judge.task, student, lesson.watched, labels, self._settings)


def _identity(program: Program, data: QatData, settings: Training) -> str:
    """What a checkpoint belongs to: the program, the images and the settings."""
    digest = hashlib.sha256(program.ranges_sha256().encode())
    digest.update(settings.model_dump_json().encode())
    for tensor in (data.images, data.held_out, data.labels, *program.corrections.values()):
        if tensor is not None:
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
