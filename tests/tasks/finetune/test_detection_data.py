"""Pictures and objects under a detector's input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.finetune.detection_data import example
from zoo.datasets.detection.annotations import AnnotatedPicture, Instance
from zoo.datasets.samples import Sample
from zoo.detection.conventions import detection_spec

SPEC = detection_spec(64, 64)


def _sample() -> Sample:
    """A white rectangle at the right lower corner of a picture that is twice as wide as high."""
    pixels = np.zeros((50, 100, 3), np.uint8)
    pixels[20:50, 60:100] = 255
    polygon = (60.0, 20.0, 100.0, 20.0, 100.0, 50.0, 60.0, 50.0)
    instances = (
        Instance((60, 20, 100, 50), 1, 1200.0, (polygon,)),
        Instance((0, 0, 50, 50), 0, 2500.0, crowd=True),
        Instance((10, 10, 11, 11), 0, 1.0),
    )
    picture = AnnotatedPicture(Path("a.png"), "a.png", 100, 50, instances)
    return Sample(Image.fromarray(pixels), picture, "a.png")


@pytest.mark.parametrize("mirrored", [False, True])
def test_boxes_and_masks_lie_on_their_object(mirrored: bool) -> None:
    x, truth = example(_sample(), SPEC, masks=True, mirrored=mirrored)
    assert x.shape == (3, 64, 64) and truth.labels.tolist() == [1]  # no crowd, no speck
    left, top, right, bottom = truth.boxes[0].tolist()
    # 100 x 50 pixels become 64 x 32 in the left upper corner.
    wanted = (0, 12.8, 25.6, 32) if mirrored else (38.4, 12.8, 64, 32)
    assert (left, top, right, bottom) == pytest.approx(wanted, abs=1e-4)
    white = x.mean(0) > 1.5
    assert truth.masks is not None
    for shown in (white, truth.masks[0]):
        rows, columns = torch.nonzero(shown, as_tuple=True)
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert [int(side) for side in found] == pytest.approx(wanted, abs=1)


def test_a_picture_without_objects_is_an_example_too() -> None:
    sample = _sample()
    picture = AnnotatedPicture(Path("a.png"), "a.png", 100, 50, ())
    _, truth = example(Sample(sample.image, picture, "a"), SPEC, masks=True, mirrored=False)
    assert truth.boxes.shape == (0, 4) and len(truth) == 0
    assert truth.masks is not None and truth.masks.shape == (0, 64, 64)
