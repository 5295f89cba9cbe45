"""A small network's artefacts in every format and precision, made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.base import ExportResult, ExportSource
from export.format_info import FORMAT_INFO, NumberType
from export.formats import FORMATS
from quantize.graph.capture import capture
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.quantize.small_networks import noise_images, tiny_network


@dataclass(frozen=True)
class Made:
    path: Path
    result: ExportResult


@dataclass
class Workshop:
    """Exports on demand and keeps what it made."""

    folder: Path
    program: Program

    def __post_init__(self) -> None:
        self._made: dict[tuple[str, NumberType, str, frozenset[str]], Made] = {}
        self._graph = capture(tiny_network().module, self.program.input_spec).graph

    def make(
        self,
        form: str,
        precision: NumberType,
        variant: str = "",
        skipped: frozenset[str] = frozenset(),
    ) -> Made:
        key = (form, precision, variant, skipped)
        if key not in self._made:
            exporter = FORMATS[form]
            path = self.folder / f"{precision}{variant}-{len(self._made)}{FORMAT_INFO[form].suffix}"
            source = self.source(precision, skipped=skipped)
            self._made[key] = Made(path, exporter.export(source, path, variant))
        return self._made[key]

    def source(self, precision: NumberType, **more: Any) -> ExportSource:
        """What is exported."""
        return ExportSource(precision, self.program.input_spec, self._graph, self.program, **more)

    def expected(self, precision: NumberType, images: NDArray[np.float32]) -> NDArray[np.float32]:
        x = torch.from_numpy(images)
        module = self.program.module() if precision == "int8" else tiny_network().module
        with torch.no_grad():
            return np.asarray(module(x).numpy(), np.float32)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    torch.set_num_threads(1)
    program = quantize(tiny_network(), noise_images(64), load_recipe("ptq"))
    return Workshop(tmp_path_factory.mktemp("artefacts"), program)
