"""A quantization that ended at the search for operators to leave in float, in a folder: where it
goes on, what other processes find out for it, and what is known.

What is read is, bit for bit, what was written, so that a program is the same whether its
quantization was halted or not.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from quantize.analysis.findings import Figures, Findings, Question, Rank, Trial
from quantize.corrections.answers import Answers
from quantize.corrections.mixed_precision import choosing_images, trials_of
from quantize.corrections.steps import BIAS_CORRECTION, Corrected
from quantize.grids.calibrate import ProgressCallback, silent
from quantize.program import load_program
from quantize.qparams import QParams
from zoo.files import atomic_file, atomic_folder

START, RAW, PROGRAM = "start", "raw", "program"
STATE, TENSORS = "state.json", "state.safetensors"
FIGURES = "figures-{}.json"


@dataclass(frozen=True)
class Halfway:
    """The folder of a quantization that may be halted, since ``processes`` can go on with it."""

    folder: Path
    processes: int = 1

    @property
    def is_there(self) -> bool:
        """Whether it has been halted."""
        return (self.folder / START).exists()

    def findings(self) -> Findings:
        """What is known, by all figures that are kept."""
        known = Findings(processes=self.processes)
        for path in sorted(self.folder.glob(FIGURES.format("*"))):
            known.add(Figures.model_validate_json(path.read_text(encoding="utf-8")))
        return known

    def save(self, state: Corrected, answers: Answers | None, images: Tensor) -> None:
        """Keep where to go on; ``images``, float32 (N, 3, H, W), are those that calibrated."""
        document: dict[str, Any] = {
            "found": state.found,
            "kept": state.kept,
            "steps": state.steps,
            "answers": None if answers is None else asdict(answers),
        }
        tensors = {"best": state.best, "images": choosing_images(images).contiguous()}
        with atomic_folder(self.folder / START, (STATE,)) as temporary:
            state.raw.save(temporary / RAW)
            state.program.save(temporary / PROGRAM)
            save_file(tensors, temporary / TENSORS)
            (temporary / STATE).write_text(json.dumps(document), encoding="utf-8")

    def load(self) -> tuple[Corrected, Answers | None]:
        """What :meth:`save` wrote."""
        start = self.folder / START
        document = json.loads((start / STATE).read_text(encoding="utf-8"))
        state = Corrected(
            raw=load_program(start / RAW),
            program=load_program(start / PROGRAM),
            best=load_file(start / TENSORS)["best"],
            found=document["found"],
            kept=document["kept"],
            steps=document["steps"],
        )
        answers = document["answers"]
        if answers is None:
            return state, None
        grid = QParams(**answers["grid"])
        return state, Answers(answers["layer"], tuple(answers["moved"]), grid)

    def keep_own(self, figures: Figures) -> None:
        """Keep what the search itself has found before it is halted once more."""
        times = len(list(self.folder.glob(FIGURES.format("own-*"))))
        self.keep(figures, f"own-{times}")

    def keep(self, figures: Figures, name: str) -> None:
        """Keep figures, instead of those of the same ``name``."""
        with atomic_file(self.folder / FIGURES.format(name)) as temporary:
            temporary.write_text(figures.model_dump_json(), encoding="utf-8")

    def answer(self, question: Question, progress: ProgressCallback = silent) -> Figures:
        """Find out a part of what the halted search waits for."""
        began = time.monotonic()
        start = self.folder / START
        document = json.loads((start / STATE).read_text(encoding="utf-8"))
        images = load_file(start / TENSORS)["images"]
        corrects_biases = document["kept"].get(BIAS_CORRECTION, False)
        trials = trials_of(load_program(start / RAW), images, corrects_biases)
        ranks: list[Rank] = []
        if question.positions:
            ranks = trials.ranks(question.positions, progress)
        tried = []
        for number, choice in enumerate(question.choices):
            progress("mixed precision", number / len(question.choices))
            tried.append(Trial(operators=choice, kl=trials.kl(frozenset(choice))))
        took = time.monotonic() - began
        return Figures(seconds=took, ranks=tuple(ranks), trials=tuple(tried))
