"""torchvision's Faster R-CNN in fixed shapes of plain operators, with its weights."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from zoo.detection import ABSENT
from zoo.detection.boxes import clip_boxes, decode_boxes
from zoo.detection.conventions import detection_interface
from zoo.detection.final import Detections, detect
from zoo.detection.proposals import ProposalRule, propose
from zoo.detection.roi_align import Pooling, roi_align_levels
from zoo.detection.rules import DetectionRule

_LEVEL_TOLERANCE = 1e-6  # torchvision.ops.poolers.LevelMapper's eps
_SMALLEST_BOX = 1e-2  # torchvision's RoIHeads.postprocess_detections


class FixedFasterRCNN(nn.Module):
    """Maps (N, 3, height, width), normalized, to ``final.Detections``.

    What it finds is what torchvision's model finds on the same input, as long as no more than
    ``candidates`` pairs of box and class are above the score threshold. Labels are torchvision's
    minus one, since its class 0 is the background.
    """

    output_names = Detections._fields
    level_tolerance = _LEVEL_TOLERANCE
    interface = detection_interface(Detections._fields)

    def __init__(self, model: Any, size: tuple[int, int], candidates: int) -> None:
        """Take the parts of a torchvision.models.detection.FasterRCNN.

        Args:
            model: in evaluation mode; its parts are shared, not copied.
            size: height and width of the input in pixels.
            candidates: pairs of box and class that go into suppression.
        """
        super().__init__()
        self.height, self.width = size
        self.backbone, self.proposal_head = model.backbone, model.rpn.head
        self.box_head, self.box_predictor = model.roi_heads.box_head, model.roi_heads.box_predictor
        self.num_classes = self.box_predictor.cls_score.out_features - 1
        rpn, heads = model.rpn, model.roi_heads
        self.proposal_rule = ProposalRule(
            before=rpn._pre_nms_top_n["testing"],
            after=rpn._post_nms_top_n["testing"],
            threshold=rpn.nms_thresh,
            smallest=rpn.min_size,
            inclusive=True,
            lowest=rpn.score_thresh,
        )
        self.rule = DetectionRule(
            lowest=heads.score_thresh,
            threshold=heads.nms_thresh,
            most=heads.detections_per_img,
            candidates=candidates,
            smallest=_SMALLEST_BOX,
        )
        self.box_weights = heads.box_coder.weights
        pool = heads.box_roi_pool
        self.pooling = Pooling(pool.output_size[0], pool.sampling_ratio, aligned=False)
        with torch.no_grad():
            maps = self.backbone(torch.zeros(1, 3, *size))
        for level, grid in enumerate(
            self._anchors(model.rpn.anchor_generator, list(maps.values()))
        ):
            self.register_buffer(f"anchors{level}", grid, persistent=False)
        strides = [
            2 ** round(math.log2(self.height / maps[name].shape[2]))
            for name in pool.featmap_names
            if name in maps
        ]
        # As many levels as strides; torchvision never pools from one whose stride is another's too.
        count = min(len(strides), round(math.log2(strides[-1] / strides[0])) + 1)
        self.scales = [1 / stride for stride in strides[:count]]
        self._levels = len(maps)

    @property
    def anchors(self) -> list[Tensor]:
        """The anchors (H * W * A, 4) of each map."""
        return [self.get_buffer(f"anchors{level}") for level in range(self._levels)]

    @property
    def pooled_strides(self) -> list[int]:
        """Of the maps that boxes are pooled from."""
        return [round(1 / scale) for scale in self.scales]

    @property
    def poolings(self) -> tuple[Pooling, None]:
        """That of the box head; there are no masks."""
        return self.pooling, None

    def levels(self, x: Tensor) -> list[Tensor]:
        """The maps, the finest first; those that boxes are pooled from come first."""
        return list(self.backbone(x).values())

    def proposal_maps(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Logits and deltas of each map, as ``propose`` takes them."""
        objectness, deltas = self.proposal_head(levels)
        return objectness, deltas

    def pooled_maps(self, levels: list[Tensor]) -> list[Tensor]:
        """The maps that boxes are pooled from."""
        return levels[: len(self.scales)]

    def score_regions(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled boxes (M, C, P, P) to logits (M, classes + 1), the background last, and deltas
        (M, classes, 4)."""
        logits, deltas = self.box_predictor(self.box_head(pooled))
        return logits.roll(-1, dims=1), deltas.reshape(len(deltas), -1, 4)[:, 1:]

    def draw_masks(self, pooled: Tensor) -> None:
        """There are none."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """See the class."""
        levels = self.levels(x)
        size = (self.height, self.width)
        proposed, logits = propose(
            *self.proposal_maps(levels), self.anchors, size, self.proposal_rule
        )
        count = proposed.shape[1]
        pooled = roi_align_levels(
            self.pooled_maps(levels), proposed, self.scales, self.pooling, self.level_tolerance
        )
        class_logits, moves = self.box_predictor(self.box_head(pooled))
        classes = class_logits.shape[1]
        scores = torch.softmax(class_logits, dim=1).reshape(-1, count, classes)[:, :, 1:]
        present = (logits > ABSENT / 2).to(scores.dtype).unsqueeze(2)
        boxes = decode_boxes(
            moves.reshape(-1, count, classes, 4)[:, :, 1:],
            proposed.unsqueeze(2),
            self.box_weights,
        )
        return tuple(
            detect(clip_boxes(boxes, self.height, self.width), scores * present, self.rule)
        )

    def _anchors(self, generator: Any, maps: list[Tensor]) -> list[Tensor]:
        sizes = [tuple(level.shape[-2:]) for level in maps]
        strides = [
            [torch.tensor(self.height // size[0]), torch.tensor(self.width // size[1])]
            for size in sizes
        ]
        generator.set_cell_anchors(torch.float32, torch.device("cpu"))
        grids: list[Tensor] = generator.grid_anchors(sizes, strides)
        return grids
