"""The trained detector on photos: fixed shapes find what torchvision's operators find."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.detection.run import exact, fixed
from zoo.datasets.detection.coco import read_coco
from zoo.detection.conventions import detection_spec
from zoo.detection.loading import load_detector
from zoo.preprocess import preprocess

PHOTOS = 4
NAME = "fbnetv3_a_dsmask_c4"


@torch.no_grad()
def test_the_same_detections_on_photos(shared: Path) -> None:
    data = read_coco(shared / "data" / "coco_dev" / "boxes.json", masks=False)
    weights = shared / "weights" / "fbnetv3_a_dsmask_c4.coco_boxes.safetensors"
    detector = load_detector(NAME, weights).module
    spec = detection_spec(detector.height, detector.width)
    found = 0
    for picture in data.pictures[:PHOTOS]:
        pixels = preprocess(picture.read(), spec)
        x = torch.from_numpy(pixels)[None]
        boxes, scores, labels = fixed(detector, x)
        wanted = exact(detector, x)
        torch.testing.assert_close(boxes, wanted[0], atol=1e-3, rtol=0)
        torch.testing.assert_close(scores, wanted[1], atol=1e-5, rtol=0)
        assert torch.equal(labels, wanted[2])
        found += int((scores > 0.5).sum())
    assert found >= PHOTOS
