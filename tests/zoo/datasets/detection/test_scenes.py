"""Composed scenes as detection data."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.datasets.detection.annotations import RunLengths
from zoo.datasets.detection.run_lengths import to_array
from zoo.datasets.of_task import open_scored
from zoo.detection.default import INPUT_SPEC
from zoo.embedded import LABELS
from zoo.errors import InputError
from zoo.scenes import SCENE_SPLITS, SCENES, open_scenes


@pytest.mark.parametrize("name", SCENE_SPLITS)
def test_a_scenes_items_are_objects(name: str) -> None:
    data, split = open_scored("detection", name, num_classes=10), open_scenes(name)
    assert len(data) == len(split) and data.labels() == LABELS
    sample, scene = data.sample(7), split.scene(7)
    assert np.array_equal(np.asarray(sample.image), scene.pixels)
    target, frame = data.target(sample, INPUT_SPEC)
    assert (frame.width, frame.height) == (target.width, target.height) == (128, 128)
    assert tuple(instance.label for instance in target.instances) == scene.labels
    for number, instance in enumerate(target.instances, start=1):
        mask = scene.instances == number
        rows, columns = np.nonzero(mask)
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert instance.box == tuple(map(float, box)) and instance.area == mask.sum()
        assert isinstance(instance.mask, RunLengths) and not instance.crowd
        assert np.array_equal(to_array(instance.mask), mask)
    assert len(data.content(sample.name)) == 64


def test_too_few_classes_are_refused() -> None:
    with pytest.raises(InputError, match="has 10 classes and the network 3"):
        open_scored("detection", SCENES, num_classes=3)
