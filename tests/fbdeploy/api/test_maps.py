"""Artefacts that nothing describes: which of them are segmenters."""

from __future__ import annotations

import numpy as np
import pytest

from fbdeploy.api.foreign import maps_of
from zoo.input_spec import InputSpec


class Answers:
    """Answers every batch with zeros of these shapes."""

    def __init__(self, *shapes: tuple[int, ...]) -> None:
        self._outputs = {f"o{i}": np.zeros(shape, np.float32) for i, shape in enumerate(shapes)}

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        assert batch.shape == (1, 3, 64, 96)
        return self._outputs


@pytest.mark.parametrize(
    ("shapes", "segmenter"),
    [
        ([(1, 21, 64, 96)], True),
        ([(1, 21, 8, 12)], True),
        ([(1, 2, 9, 13)], True),
        ([(1, 64, 96, 21)], False),  # classes last, as TensorFlow has them
        ([(1, 21)], False),
        ([(1, 21, 1, 1)], False),
        ([(1, 1, 64, 96)], False),
        ([(1, 21, 8, 12), (1, 21, 8, 12)], False),
    ],
)
def test_maps_of_logits(shapes: list[tuple[int, ...]], segmenter: bool) -> None:
    spec = InputSpec(64, 96)
    found = maps_of(Answers(*shapes).run(np.zeros(spec.shape, np.float32)), spec)
    assert (found is not None) == segmenter
