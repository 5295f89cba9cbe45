"""Images for where there are none: noise with the spectrum of photographs, the same every time.

They let a network be quantized, exported, checked and timed. What it answers to them says nothing
of how well it answers to photographs.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.dataset_names import RANDOM_IMAGES
from zoo.datasets.samples import Sample, Samples

COUNT = 512
SIDE = 192
SEED = 2026
SHARED = 0.9
"""Share of the channels' variance that they have in common: photographs are nearly grey."""


class RandomImages(Samples):
    """``COUNT`` pictures of ``SIDE`` x ``SIDE`` pixels, RGB, without labels.

    Amplitudes fall with the spatial frequency f as 1 / f, as those of natural images do (Field
    1987, J. Opt. Soc. Am. A 4:2379); brightness and contrast differ from picture to picture.
    """

    def __init__(self) -> None:
        super().__init__(RANDOM_IMAGES, skip_bad_images=False)

    def __len__(self) -> int:
        """The number of images."""
        return COUNT

    def labels(self) -> tuple[str, ...]:
        """No names: there are no classes."""
        return ()

    def sample(self, index: int) -> Sample:
        """Image ``index``."""
        name = f"{self.name}/{index:03d}"
        return Sample(Image.fromarray(_pixels(index), "RGB"), None, name)


def _pixels(index: int) -> NDArray[np.uint8]:
    """uint8 (SIDE, SIDE, 3)."""
    random = np.random.default_rng((SEED, index))
    noise = random.standard_normal((4, SIDE, SIDE))
    fields = np.fft.irfft2(np.fft.rfft2(noise) * _amplitudes(), s=(SIDE, SIDE))
    fields /= fields.std(axis=(1, 2), keepdims=True)
    colours = np.sqrt(SHARED) * fields[0] + np.sqrt(1 - SHARED) * fields[1:]
    brightness, contrast = random.uniform(80, 170), random.uniform(25, 75)
    pixels = np.clip(np.rint(brightness + contrast * colours), 0, 255)
    return np.ascontiguousarray(pixels.transpose(1, 2, 0).astype(np.uint8))


@cache
def _amplitudes() -> NDArray[np.float64]:
    """1 / f of the frequencies of a real transform, (SIDE, SIDE // 2 + 1); none at f = 0."""
    down, across = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    frequency: NDArray[np.float64] = np.hypot(down, across)
    frequency[0, 0] = np.inf
    return np.reciprocal(frequency)
