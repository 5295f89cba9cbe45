"""A detector of torchvision's learns from what torchvision's own training learns from."""

from __future__ import annotations

import torch
from torchvision.models.detection.image_list import ImageList

from zoo.detection.faster_rcnn import FixedFasterRCNN
from zoo.detection.torchvision_detectors import build_torchvision
from zoo.detection.training.losses import LossRule, detector_losses
from zoo.detection.training.sampling import Sampling
from zoo.detection.training.truth import Truth

SIDE, EVERY = 128, 100_000


def test_the_losses_of_a_whole_detector_are_torchvisions() -> None:
    model = build_torchvision("fasterrcnn_mobilenet_v3_large_fpn", classes=4)
    torch.manual_seed(1)
    for layer in (model.roi_heads.box_predictor.bbox_pred, model.rpn.head.bbox_pred):
        torch.nn.init.normal_(layer.weight, std=0.05)
    network = FixedFasterRCNN(model, (SIDE, SIDE), 100)
    x = torch.randn(2, 3, SIDE, SIDE)
    boxes = [
        torch.tensor([[8.0, 10, 60, 90], [50, 30, 120, 70]]),
        torch.tensor([[20.0, 20, 70, 64]]),
    ]
    labels = [torch.tensor([0, 2]), torch.tensor([1])]
    truths = [Truth(box, label) for box, label in zip(boxes, labels, strict=True)]
    rule = LossRule(anchors=Sampling(EVERY, 1.0), before=60, after=40, regions=Sampling(EVERY, 1.0))
    random = torch.Generator().manual_seed(0)
    found = detector_losses(network, x, truths, rule, random)

    model.rpn._pre_nms_top_n["training"] = 60
    model.rpn._post_nms_top_n["training"] = 40
    model.rpn.score_thresh = 0.0
    for sampler in (model.rpn.fg_bg_sampler, model.roi_heads.fg_bg_sampler):
        sampler.batch_size_per_image, sampler.positive_fraction = EVERY, 1.0
    targets = [
        {"boxes": box, "labels": label + 1} for box, label in zip(boxes, labels, strict=True)
    ]
    maps = model.backbone(x)  # frozen statistics: training and evaluation are the same
    model.rpn.train()
    model.roi_heads.train()
    images = ImageList(x, [(SIDE, SIDE)] * 2)
    proposals, of_proposals = model.rpn(images, maps, targets)
    _, of_regions = model.roi_heads(maps, proposals, images.image_sizes, targets)
    wanted = (
        of_proposals["loss_objectness"],
        of_proposals["loss_rpn_box_reg"],
        of_regions["loss_classifier"],
        of_regions["loss_box_reg"],
    )
    for ours, theirs in zip(found, wanted, strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert float(found.masks) == 0 and all(float(value) > 0 for value in wanted)
