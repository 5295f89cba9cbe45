"""What a device computes against what this machine's own runtime does with the same images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime_bench.runtimes.base import FloatArray
from runtime_bench.runtimes.guest import guest_session

COMPARED_IMAGES = 2
FLOAT_TOLERANCE = 1e-4
"""Largest difference, relative to the largest logit, that rounding in another order explains: that
of the deploy pipeline's parity check of fp32 artefacts."""


def noise_images(artefact: Path, count: int = COMPARED_IMAGES) -> FloatArray:
    """Images of noise of the artefact's input size, float32 (count, 3, H, W), always the same."""
    with guest_session(artefact, 1) as session:
        return noise(session.input_shape, count)


def noise(shape: tuple[int, int, int, int], count: int) -> FloatArray:
    """The same for an input of ``shape``, (1, 3, H, W)."""
    return np.random.default_rng(0).standard_normal((count, *shape[1:]), np.float32)


def host_outputs(artefact: Path, images: FloatArray) -> FloatArray:
    """What this machine's own runtime computes, one thread: float32 (N, classes)."""
    with guest_session(artefact, 1) as session:
        return session.run(images)


@dataclass(frozen=True)
class OutputDifference:
    """The outputs of a device against this machine's own, over all images.

    ``largest`` is the largest difference of a logit, ``relative`` that over the largest logit,
    ``agreement`` the share of images with the same top-1.
    """

    equal: bool
    largest: float
    relative: float
    agreement: float

    @classmethod
    def between(cls, device: FloatArray, host: FloatArray) -> OutputDifference:
        """Compare float32 arrays of one shape (N, classes)."""
        largest = float(np.abs(device - host).max())
        scale = float(np.abs(host).max())
        return cls(
            equal=bool(np.array_equal(device, host)),
            largest=largest,
            relative=largest / scale if scale else largest,
            agreement=float(np.mean(device.argmax(axis=1) == host.argmax(axis=1))),
        )

    def describe(self, precision: str | None) -> str:
        """In words; float may differ by rounding, int8 must be bit-equal."""
        if self.equal:
            return "outputs equal this machine's"
        if precision == "fp32" and self.relative <= FLOAT_TOLERANCE:
            return f"outputs equal this machine's but for rounding ({self.relative:.1g} relative)"
        return (
            f"outputs differ from this machine's by {self.largest:.2g} at most "
            f"({self.relative:.1g} relative), top-1 agrees on {self.agreement:.0%}"
        )
