"""Whether an artefact equals what it was made from, and at which layer it does not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.format_info import CLASSES, FORMAT_INFO
from fbdeploy.pipeline.steps.nearness import (
    HALF_SQNR_DB,
    by_detections,
    by_numbers,
    distance_apart,
)
from fbdeploy.records.manifest import Format, Parity
from stats.signal_to_noise import sqnr_db
from tasks.agreement import agreement
from tasks.base import Outputs
from tasks.table import task_named
from zoo.errors import InputError

if TYPE_CHECKING:
    from export.base import ExportSource

LEAST_ALIKE = 0.995
"""Least share of the pixels that get the class that follows from the logits. Where two classes are
as likely, the last bits of a half decide (0.05 % of a random network's pixels); a resize by another
convention moves every border."""
PARTING_IMAGES = 8
"""Images on which the beginnings of a network are compared."""


def parity_of(found: Outputs, expected: Outputs, source: ExportSource) -> Parity:
    """The artefact's outputs ``found`` against ``expected``, those of its reference: of several the
    output that differs most.

    Raises:
        InputError: an artefact whose outputs are not those of its reference, or not finite.
    """
    if list(found) != list(expected):
        raise InputError(
            f"the artefact gives {', '.join(found)} where its reference gives "
            f"{', '.join(expected)}; leave the format out with --formats"
        )
    task = task_named(source.interface.task)
    in_order = task.aligned(expected, found)
    differences = [_Difference.of(in_order[name], expected[name]) for name in expected]
    relative, max_abs = max((one.relative, one.max_abs) for one in differences)
    ratios = [one.sqnr_db for one in differences if one.sqnr_db is not None]
    least_db = min(ratios, default=None)
    apart = distance_apart(task, expected, found)
    if apart is not None:
        passed, criterion = by_detections(source, apart)
    else:
        passed, criterion = by_numbers(source, relative, least_db)
    return Parity(
        reference="float network" if source.program is None else "quantized program",
        images=len(next(iter(found.values()))),
        max_abs=max_abs,
        relative=relative,
        sqnr_db=least_db,
        agreement=agreement(task, expected, found),
        apart=apart,
        criterion=criterion,
        passed=passed,
    )


def form_parity(found: Outputs, expected: Outputs, source: ExportSource) -> Parity:
    """The outputs of an artefact in a form of ``export.output_forms`` against what the logits of
    the main one come to, float32 classes (N, H, W) or logits (N, classes, H, W).

    Raises:
        InputError: an artefact whose outputs are not of that form.
    """
    ((name, wanted),) = expected.items()
    if list(found) != [name] or found[name].shape != wanted.shape:
        shapes = ", ".join(f"{key} {value.shape[1:]}" for key, value in found.items())
        raise InputError(
            f"the artefact gives {shapes} where {name} {wanted.shape[1:]} is asked for; leave "
            "--output-forms out"
        )
    difference = _Difference.of(found[name], wanted)
    if source.output == CLASSES:
        alike = float(np.mean(found[name] == wanted))
        passed, criterion = alike >= LEAST_ALIKE, f"at least {LEAST_ALIKE:.1%} of the pixels alike"
    else:
        alike = float(np.mean(found[name].argmax(1) == wanted.argmax(1)))
        passed = difference.sqnr_db is None or difference.sqnr_db >= HALF_SQNR_DB
        criterion = f"at least {HALF_SQNR_DB:.1f} dB signal-to-noise"
    return Parity(
        reference="own logits",
        images=len(wanted),
        max_abs=difference.max_abs,
        relative=difference.relative,
        sqnr_db=difference.sqnr_db,
        agreement=alike,
        criterion=criterion,
        passed=passed,
    )


@dataclass(frozen=True)
class _Difference:
    """Of one output: the largest difference, that over its largest value, and its signal-to-noise
    (None where it is equal)."""

    max_abs: float
    relative: float
    sqnr_db: float | None

    @classmethod
    def of(cls, found: NDArray[np.float32], expected: NDArray[np.float32]) -> _Difference:
        ours, theirs = found.astype(np.float64), expected.astype(np.float64)
        max_abs = float(np.max(np.abs(theirs - ours)))
        return cls(
            max_abs,
            max_abs / max(float(np.abs(expected).max()), 1e-12),
            sqnr_db(theirs, ours),
        )


@dataclass(frozen=True)
class PartSearch:
    """How beginnings of a network are compared to find where an artefact parts from it."""

    form: Format
    variant: str
    images: NDArray[np.float32]
    threads: int

    def parted_at(self, source: ExportSource, progress: Callable[[], None]) -> str | None:
        """The first layer at which the artefact of ``source`` differs (``export.parting``)."""
        from export.parting import first_unequal

        def equals(part: ExportSource, layer: str) -> bool:
            progress()
            found = self._run(part, layer)
            return found is None or found.passed

        return first_unequal(source, equals)

    def _run(self, part: ExportSource, layer: str) -> Parity | None:
        """The parity of a beginning; None where it cannot be exported by itself."""
        from export.formats import FORMATS
        from runtime_bench.runtimes import RUNTIMES
        from runtime_bench.runtimes.module_session import run_module
        from runtime_bench.runtimes.pixels import for_normalized

        some = self.images[:PARTING_IMAGES]
        module = part.program.module() if part.program else part.graph
        expected = run_module(module, part.interface, some)
        with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
            path = Path(folder) / f"part{FORMAT_INFO[self.form].suffix}"
            try:
                FORMATS[self.form].export(part, path, self.variant)
                session = RUNTIMES[self.form].load(path, self.threads)
                found = for_normalized(session, part.input_spec).run(some)
            except Exception as error:
                print(f"up to {layer}: cannot be compared ({error})")
                return None
        parity = parity_of(found, expected, part)
        print(f"up to {layer}: {parity.sqnr_db} dB, {parity.relative:.2g} relative")
        return parity
