"""What a device computes against what this machine's own runtime does with the same images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime_bench.runtimes.guest import guest_session
from runtime_bench.runtimes.ports import FloatArray, Normalization, Size
from zoo.errors import InputError

COMPARED_IMAGES = 2
FLOAT_TOLERANCE = 1e-4
"""Largest difference, relative to the largest logit, that rounding in another order explains: that
of the deploy pipeline's parity check of fp32 artefacts."""


def noise_images(
    artefact: Path, count: int = COMPARED_IMAGES, size: Size | None = None
) -> FloatArray:
    """Images of noise of the artefact's input size, float32 (count, 3, H, W), always the same;
    ``size`` is for artefacts that take any."""
    with guest_session(artefact, 1, size) as session:
        return noise(session.input_shape, count, session.pixels)


def noise(
    shape: tuple[int, int, int, int], count: int, pixels: Normalization | None = None
) -> FloatArray:
    """The same for an input of ``shape``, (1, 3, H, W), that takes ``pixels`` as they are."""
    found = np.random.default_rng(0).standard_normal((count, *shape[1:]), np.float32)
    return found if pixels is None else pixels.of(np.rint(128 + 48 * found).clip(0, 255))


def host_outputs(artefact: Path, images: FloatArray) -> dict[str, FloatArray]:
    """What this machine's own runtime computes, one thread: float32 (N, ...) by name."""
    with guest_session(artefact, 1, (images.shape[2], images.shape[3])) as session:
        return session.run(images)


@dataclass(frozen=True)
class OutputDifference:
    """The outputs of a device against this machine's own, over all images.

    ``largest`` is the largest difference of a value, ``relative`` that over the largest value of
    its output, both of the output where the latter is largest; ``agreement`` is the share of images
    with the same top-1, of a single row of logits, None of other outputs.
    """

    equal: bool
    largest: float
    relative: float
    agreement: float | None

    @classmethod
    def between(
        cls, device: Mapping[str, FloatArray], host: Mapping[str, FloatArray]
    ) -> OutputDifference:
        """Compare outputs float32 (N, ...), of one shape where they have one name.

        Raises:
            InputError: they are not of the same names.
        """
        if list(device) != list(host):
            raise InputError(
                f"the device gives {', '.join(device)} and this machine {', '.join(host)}; "
                "export the artefact again"
            )
        relative, largest = max(_difference(device[name], host[name]) for name in host)
        agreement = None
        if len(host) == 1 and next(iter(host.values())).ndim == 2:
            ours, theirs = (next(iter(outputs.values())).argmax(1) for outputs in (device, host))
            agreement = float(np.mean(ours == theirs))
        return cls(
            equal=all(np.array_equal(device[name], host[name]) for name in host),
            largest=largest,
            relative=relative,
            agreement=agreement,
        )

    def describe(self, precision: str | None) -> str:
        """In words; float may differ by rounding, int8 must be bit-equal."""
        if self.equal:
            return "outputs equal this machine's"
        if precision == "fp32" and self.relative <= FLOAT_TOLERANCE:
            return f"outputs equal this machine's but for rounding ({self.relative:.1g} relative)"
        told = "" if self.agreement is None else f", top-1 agrees on {self.agreement:.0%}"
        return (
            f"outputs differ from this machine's by {self.largest:.2g} at most "
            f"({self.relative:.1g} relative){told}"
        )


def _difference(ours: FloatArray, theirs: FloatArray) -> tuple[float, float]:
    """The largest difference relative to the largest value of ``theirs``, and as it is."""
    largest = float(np.abs(ours - theirs).max())
    scale = float(np.abs(theirs).max())
    return (largest / scale if scale else largest), largest
