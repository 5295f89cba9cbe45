"""Artefacts that take pixels, asked with what is asked of all others: normalized images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime_bench.runtimes.base import Answering, Session
from runtime_bench.runtimes.ports import FloatArray, Normalization
from zoo.input_spec import InputSpec


def for_normalized(session: Session, spec: InputSpec) -> Answering:
    """``session`` for images that were normalized as ``spec`` says, whatever it takes itself."""
    if session.pixels is None:
        return session
    return _Denormalized(session, session.pixels, spec)


@dataclass(frozen=True)
class _Denormalized:
    """A session that takes pixels, of which ``pixels`` says how it wants them."""

    session: Answering
    pixels: Normalization
    spec: InputSpec

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """The outputs of every image of a normalized batch, float32 (N, 3, height, width)."""
        mean, std = (
            np.array(values, np.float64).reshape(-1, 1, 1)
            for values in (self.spec.mean, self.spec.std)
        )
        # What was divided by 255 and normalized in float32 is within a thousandth of its pixel.
        values = np.rint(255 * (batch * std + mean)).clip(0, 255)
        return self.session.run(self.pixels.of(values))
