"""Images for where there are none: always the same, and like photographs in their spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.dataset_names import RANDOM_IMAGES
from zoo.datasets import open_dataset
from zoo.errors import InputError


def test_they_are_the_same_every_time_and_differ_from_each_other() -> None:
    first, again = (open_dataset(RANDOM_IMAGES, labelled=False) for _ in range(2))
    pixels = [np.asarray(first.sample(index).image) for index in range(8)]
    for index, found in enumerate(pixels):
        assert found.shape == (192, 192, 3) and found.dtype == np.uint8
        assert np.array_equal(found, np.asarray(again.sample(index).image))
    assert len({found.tobytes() for found in pixels}) == 8
    assert len(first) == 512 and first.sample(3).label is None and first.labels() == ()


def test_amplitudes_fall_with_the_frequency() -> None:
    """The slope of log amplitude over log frequency is -1, as of photographs (Field 1987)."""
    dataset = open_dataset(RANDOM_IMAGES, labelled=False)
    power = np.zeros(192)
    for index in range(16):
        grey = np.asarray(dataset.sample(index).image, np.float64).mean(2)
        power += (np.abs(np.fft.fft2(grey - grey.mean())) ** 2)[0]
    frequencies = np.arange(2, 48)
    slope = np.polyfit(np.log(frequencies), np.log(np.sqrt(power[2:48])), 1)[0]
    assert -1.15 < slope < -0.85


def test_they_cannot_be_scored_on() -> None:
    with pytest.raises(InputError, match="random-images: have no labels to be scored"):
        open_dataset(RANDOM_IMAGES)
