"""Boxes against torchvision's and against arithmetic by hand."""

from __future__ import annotations

import math

import torch
from torchvision.models.detection._utils import BoxCoder
from torchvision.ops import box_iou, clip_boxes_to_image

from tests.zoo.detection.boxes_of import clustered_boxes
from zoo.detection.anchors import cell_anchors, grid_anchors
from zoo.detection.boxes import clip_boxes, decode_boxes, encode_boxes, exists, overlapping

WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def test_decoding_is_torchvisions() -> None:
    anchors = clustered_boxes(500, 0)
    deltas = (
        torch.randn(500, 4, generator=torch.Generator().manual_seed(1)) * 20
    )  # some are clamped
    wanted = BoxCoder(WEIGHTS).decode_single(deltas, anchors)
    torch.testing.assert_close(decode_boxes(deltas, anchors, WEIGHTS), wanted, atol=1e-3, rtol=1e-6)


def test_decoding_by_hand() -> None:
    box = decode_boxes(
        torch.tensor([1.0, -2.0, 5 * math.log(2), 0.0]), torch.tensor([10.0, 20, 30, 60]), WEIGHTS
    )
    # Centre (20, 40) moves by (0.1 * 20, -0.2 * 40); the width 20 doubles, the height stays 40.
    torch.testing.assert_close(box, torch.tensor([2.0, 12.0, 42.0, 52.0]))


def test_encoding_is_undone_by_decoding() -> None:
    anchors, boxes = clustered_boxes(200, 2), clustered_boxes(200, 3)
    whole = (exists(anchors) * exists(boxes)).bool()
    anchors, boxes = anchors[whole], boxes[whole]
    deltas = encode_boxes(boxes, anchors, WEIGHTS)
    torch.testing.assert_close(deltas, BoxCoder(WEIGHTS).encode_single(boxes, anchors))
    near = (deltas[:, 2:] / 5 < math.log(1000 / 16)).all(dim=1)
    torch.testing.assert_close(
        decode_boxes(deltas, anchors, WEIGHTS)[near], boxes[near], atol=1e-3, rtol=1e-5
    )


def test_clipping_is_torchvisions() -> None:
    boxes = torch.randn(300, 4, generator=torch.Generator().manual_seed(4)) * 300
    assert torch.equal(clip_boxes(boxes, 240, 320), clip_boxes_to_image(boxes, (240, 320)))


def test_overlap_is_torchvisions_and_that_of_nothing_is_none() -> None:
    boxes = clustered_boxes(120, 5)
    boxes[:3] = torch.tensor([50.0, 50, 50, 90])  # without area
    wanted = box_iou(boxes, boxes).nan_to_num(0) > 0.5
    assert torch.equal(overlapping(boxes[None], 0.5)[0].bool(), wanted)
    assert not overlapping(boxes[None], 0.0)[0, :3].any()


def test_what_exists() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 0, 4], [4, 0, 0, 4], [0, 0, 1, 1]])
    assert exists(boxes).tolist() == [1, 0, 0, 1]
    assert exists(boxes, 1.0).tolist() == [1, 0, 0, 0]
    assert exists(boxes, 1.0, inclusive=True).tolist() == [1, 0, 0, 1]


def test_anchors_by_hand() -> None:
    cells = cell_anchors((32.0,), (0.5, 1.0, 2.0))
    # d2go's own file holds these (its anchors.cell, rounded to four digits).
    wanted = [[-22.6274, -11.3137], [-16, -16], [-11.3137, -22.6274]]
    torch.testing.assert_close(cells[:, :2], torch.tensor(wanted), atol=1e-4, rtol=0)
    assert torch.equal(cells[:, 2:], -cells[:, :2])
    grid = grid_anchors(cells, 2, 3, 16.0)
    assert grid.shape == (18, 4)
    # The second row's third place, second anchor: shifted by 32 to the right and 16 down.
    assert grid[(1 * 3 + 2) * 3 + 1].tolist() == [16, 0, 48, 32]
    uneven = grid_anchors(cells, 2, 3, (16.0, 8.0))
    assert uneven[(1 * 3 + 2) * 3 + 1].tolist() == [0, 0, 32, 32]


def test_overlaps_of_large_boxes_in_half_precision() -> None:
    # 1000 x 1000 pixels are no number of float16; the second covers 80 % of the first.
    boxes = torch.tensor([[[0.0, 0, 1000, 1000], [200, 0, 1000, 1000], [0, 0, 100, 1000]]])
    wanted = [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    for kind in (torch.float32, torch.float16):
        assert overlapping(boxes.to(kind), 0.7)[0].tolist() == wanted
