"""torchvision's SSDlite in fixed shapes of plain operators, with its weights."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList

from zoo.detection.boxes import clip_boxes, decode_boxes
from zoo.detection.conventions import detection_interface
from zoo.detection.final import Detections, detect
from zoo.detection.rules import DetectionRule
from zoo.outputs import Interface


class FixedSSD(nn.Module):
    """Maps (N, 3, height, width), normalized, to ``final.Detections``, or to raw maps.

    What it finds is what torchvision's model finds on the same input, as long as the detections
    that are made are among the ``candidates`` best pairs of anchor and class. Labels are
    torchvision's minus one, since its class 0 is the background.

    Every level has its scores by itself until they are probabilities, so that each can have a grid
    of its own in int8. With ``outputs="maps"`` the classes' logits (N, A * classes, H, W) and the
    boxes' deltas (N, A * 4, H, W) of each level come out, as GPU delegates want them.
    """

    def __init__(
        self,
        model: Any,
        candidates: int,
        outputs: Literal["detections", "maps"] = "detections",
    ) -> None:
        """Take the parts of a torchvision.models.detection.ssd.SSD of a fixed size.

        Args:
            model: in evaluation mode; its parts are shared, not copied.
            candidates: pairs of anchor and class that go into suppression.
            outputs: detections, or every level's maps.
        """
        super().__init__()
        self.width, self.height = model.transform.fixed_size
        self.outputs = outputs
        self.backbone = model.backbone
        self.class_heads = model.head.classification_head.module_list
        self.box_heads = model.head.regression_head.module_list
        self.classes = model.head.classification_head.num_columns
        self.box_weights = model.box_coder.weights
        self.rule = DetectionRule(
            lowest=model.score_thresh,
            threshold=model.nms_thresh,
            most=model.detections_per_img,
            candidates=candidates,
        )
        x = torch.zeros(1, 3, self.height, self.width)
        with torch.no_grad():
            maps = list(self.backbone(x).values())
        images = ImageList(x, [(self.height, self.width)])
        self.register_buffer("anchors", model.anchor_generator(images, maps)[0], persistent=False)

    @property
    def interface(self) -> Interface:
        """What is returned."""
        return detection_interface(self.output_names)

    @property
    def num_classes(self) -> int:
        """Without the background."""
        return int(self.classes) - 1

    @property
    def output_names(self) -> tuple[str, ...]:
        """What ``forward`` returns, in its order."""
        if self.outputs == "detections":
            return Detections._fields
        levels = range(len(self.class_heads))
        return (*(f"scores{level}" for level in levels), *(f"deltas{level}" for level in levels))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        levels = list(self.backbone(x).values())
        classes = [head(level) for head, level in zip(self.class_heads, levels, strict=True)]
        moves = [head(level) for head, level in zip(self.box_heads, levels, strict=True)]
        if self.outputs == "maps":
            return (*classes, *moves)
        scores = [torch.softmax(_rows(part, self.classes), dim=2) for part in classes]
        deltas = torch.cat([_rows(part, 4) for part in moves], dim=1)
        boxes = decode_boxes(deltas, self.get_buffer("anchors"), self.box_weights)
        clipped = clip_boxes(boxes, self.height, self.width).unsqueeze(2)
        return tuple(detect(clipped, torch.cat(scores, dim=1)[:, :, 1:], self.rule))


def _rows(part: Tensor, columns: int) -> Tensor:
    """A map (N, A * columns, H, W) in the anchors' order, (N, H * W * A, columns)."""
    _, channels, height, width = part.shape
    rows = height * width * (channels // columns)
    return part.permute(0, 2, 3, 1).reshape(-1, rows, columns)
