"""Whether an artefact equals what it was made from, and at which layer it does not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.format_info import FORMAT_INFO
from fbdeploy.records.manifest import Format, Parity

if TYPE_CHECKING:
    from export.base import ExportSource

FLOAT_TOLERANCE = 1e-4
"""Largest relative difference of an fp32 artefact's logits from the float network's."""
HALF_SQNR_DB = 40.0
"""Least signal-to-noise of an fp16 artefact's logits against the float network's. Rounding to 11
bits costs 2**-12 / sqrt(3) of a value, 77 dB, once a weight and once a result; two hundred of them
that add up leave 54 dB, and networks that amplify noise have 14 dB more."""
INT8_SQNR_DB = 15.0
"""Least signal-to-noise of an int8 artefact's logits against the quantized program's, or the
program's own against float where that is less: kernels round a few values to the neighbouring step,
and a network that amplifies int8's noise amplifies that too. A wrong scale costs far more."""
PARTING_IMAGES = 8
"""Images on which the beginnings of a network are compared."""


def parity_of(
    logits: NDArray[np.float32], expected: NDArray[np.float32], source: ExportSource
) -> Parity:
    """The artefact's ``logits`` (N, classes) against ``expected``, those of its reference."""
    from runtime_bench.accuracy import Evaluation, compare

    names = tuple(str(index) for index in range(len(logits)))
    labels = np.full(len(logits), -1, np.int64)
    found = compare(Evaluation(logits, labels, names), Evaluation(expected, labels, names))
    relative = found.max_abs / max(float(np.abs(expected).max()), 1e-12)
    if source.precision != "fp32":
        least = HALF_SQNR_DB
        if source.program is not None:
            least = min(INT8_SQNR_DB, source.program.summary.sqnr_db)
        passed = found.sqnr_db is None or found.sqnr_db >= least
        criterion = f"at least {least:.1f} dB signal-to-noise"
    else:
        passed = relative <= FLOAT_TOLERANCE
        criterion = f"within {FLOAT_TOLERANCE:g} relative"
    return Parity(
        reference="float network" if source.program is None else "quantized program",
        images=len(logits),
        max_abs=found.max_abs,
        relative=relative,
        sqnr_db=found.sqnr_db,
        agreement=found.agreement,
        criterion=criterion,
        passed=passed,
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

        some = self.images[:PARTING_IMAGES]
        expected = run_module(part.program.module() if part.program else part.graph, some)
        with tempfile.TemporaryDirectory(prefix="fbdeploy-") as folder:
            path = Path(folder) / f"part{FORMAT_INFO[self.form].suffix}"
            try:
                FORMATS[self.form].export(part, path, self.variant)
                found = RUNTIMES[self.form].load(path, self.threads).run(some)
            except Exception as error:
                print(f"up to {layer}: cannot be compared ({error})")
                return None
        parity = parity_of(found, expected, part)
        print(f"up to {layer}: {parity.sqnr_db} dB, {parity.relative:.2g} relative")
        return parity
