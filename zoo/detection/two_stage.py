"""What two-stage detectors have in common, in fixed shapes of plain operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from zoo.architecture import Block
from zoo.detection import ABSENT
from zoo.detection.anchors import cell_anchors, grid_anchors
from zoo.detection.boxes import clip_boxes, decode_boxes
from zoo.detection.config import ASPECT_RATIOS, DetectorOptions
from zoo.detection.conventions import detection_interface
from zoo.detection.final import detect
from zoo.detection.parts import BoxHead, MaskHead, ProposalHead
from zoo.detection.proposals import ProposalRule, propose
from zoo.detection.roi_align import Pooling, roi_align, roi_align_levels
from zoo.outputs import Interface

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)

Rows = Sequence[Block]


class TwoStageDetector(nn.Module):
    """A Faster R-CNN, with a mask head a Mask R-CNN, for inputs of one size.

    ``forward`` maps (N, 3, height, width) to the tensors that ``output_names`` names:

    * ``boxes`` (N, D, 4), ``scores`` (N, D) and ``labels`` (N, D), as ``final.Detections``, and
      with a mask head ``masks`` (N, D, S, S): probabilities, over the box's area;
    * with ``outputs="candidates"``: ``boxes`` (N, R, C, 4) and ``scores`` (N, R, C).

    A subclass builds what ``levels`` computes, then calls ``_add_heads``. Maps are those of
    ``levels``, the finest first, a ``strides`` each; ``proposing`` and ``pooled`` say which of
    them proposals are made of and boxes are pooled from.
    """

    rpn: ProposalHead
    box_head: BoxHead
    mask_head: MaskHead | None
    strides: list[int]
    channels: int
    box_weights = BOX_WEIGHTS
    level_tolerance = 0.0
    proposing = slice(None)
    pooled = slice(None)

    def __init__(self, options: DetectorOptions, size: tuple[int, int]) -> None:
        """Without any part yet."""
        super().__init__()
        self.options = options
        self.height, self.width = size

    @property
    def output_names(self) -> tuple[str, ...]:
        """What ``forward`` returns, in its order."""
        if self.options.outputs == "candidates":
            return ("boxes", "scores")
        return ("boxes", "scores", "labels", *(("masks",) if self.mask_head else ()))

    @property
    def interface(self) -> Interface:
        """What its outputs mean."""
        return detection_interface(self.output_names)

    @property
    def num_classes(self) -> int:
        """Without the background."""
        return self.options.classes

    @property
    def proposal_rule(self) -> ProposalRule:
        """How proposals are chosen."""
        raise NotImplementedError

    @property
    def stages(self) -> list[nn.Module]:
        """Those of its trunk, which ``frozen_stages`` counts."""
        raise NotImplementedError

    def levels(self, x: Tensor) -> list[Tensor]:
        """The maps that proposals are made of and boxes are pooled from."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Detections of pictures (N, 3, height, width), normalized RGB."""
        levels = self.levels(x)
        candidates = self.candidates(levels, *self.proposals(levels))
        if self.options.outputs == "candidates":
            return tuple(candidates)
        found = detect(*candidates, self.options.rule)
        if self.mask_head is None:
            return tuple(found)
        pooled = self.pool(levels, found.boxes, self.options.mask_pooler_resolution)
        masks = torch.sigmoid(self.mask_head.of_classes(pooled, found.labels.reshape(-1)))
        side = masks.shape[-1]
        return (*found, masks.reshape(-1, found.boxes.shape[1], side, side))

    @property
    def anchors(self) -> list[Tensor]:
        """The anchors (H * W * A, 4) of each map that proposals are made of."""
        return [
            self.get_buffer(f"anchors{level}") for level in range(len(self.strides[self.proposing]))
        ]

    def proposal_maps(self, levels: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Logits (N, A, H, W) and deltas (N, 4 * A, H, W) a level, as ``propose`` takes them."""
        heads = [self.rpn(level) for level in levels[self.proposing]]
        return [logits for logits, _ in heads], [deltas for _, deltas in heads]

    def proposals(self, levels: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Proposed boxes (N, R, 4) and their logits (N, R), as ``propose`` returns them."""
        size = (self.height, self.width)
        return propose(*self.proposal_maps(levels), self.anchors, size, self.proposal_rule)

    def candidates(self, levels: list[Tensor], proposed: Tensor, logits: Tensor) -> Candidates:
        """Every class's box and score of every proposal."""
        count, classes = proposed.shape[1], self.options.classes
        pooled = self.pool(levels, proposed, self.options.box_pooler_resolution)
        class_logits, deltas = self.box_head(pooled)
        present = (logits > ABSENT / 2).to(proposed.dtype).unsqueeze(2)
        scores = torch.softmax(class_logits, dim=1).reshape(-1, count, classes + 1)
        boxes = decode_boxes(
            deltas.reshape(-1, count, classes, 4), proposed.unsqueeze(2), self.box_weights
        )
        clipped = clip_boxes(boxes, self.height, self.width)
        return Candidates(clipped, scores[:, :, :classes] * present)

    def pool(self, levels: list[Tensor], boxes: Tensor, resolution: int) -> Tensor:
        """Boxes (N, R, 4) pooled from the maps: (N * R, C, resolution, resolution)."""
        pooling, maps = Pooling(resolution), levels[self.pooled]
        scales = [1 / stride for stride in self.strides[self.pooled]]
        if len(maps) == 1:
            return roi_align(maps[0], boxes, scales[0], pooling)
        return roi_align_levels(maps, boxes, scales, pooling, self.level_tolerance)

    @property
    def pooled_strides(self) -> list[int]:
        """Of the maps that boxes are pooled from."""
        return self.strides[self.pooled]

    @property
    def poolings(self) -> tuple[Pooling, Pooling | None]:
        """That of the box head, and that of the mask head."""
        options = self.options
        mask = Pooling(options.mask_pooler_resolution) if self.mask_head else None
        return Pooling(options.box_pooler_resolution), mask

    def pooled_maps(self, levels: list[Tensor]) -> list[Tensor]:
        """The maps that boxes are pooled from."""
        return levels[self.pooled]

    def score_regions(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled boxes (M, C, P, P) to logits (M, classes + 1), the background last, and deltas
        (M, classes, 4)."""
        class_logits, deltas = self.box_head(pooled)
        return class_logits, deltas.reshape(-1, self.options.classes, 4)

    def draw_masks(self, pooled: Tensor) -> Tensor | None:
        """Pooled boxes (M, C, P, P) to logits (M, classes, S, S); None without a mask head."""
        if self.mask_head is None:
            return None
        logits: Tensor = self.mask_head(pooled)
        return logits

    def train(self, mode: bool = True) -> Self:
        """As nn.Module.train, but frozen stages keep their statistics."""
        super().train(mode)
        for stage in self.stages[: self.options.frozen_stages]:
            stage.eval()
        return self

    def _add_heads(
        self,
        rows: tuple[Rows, Rows, Rows],
        anchor_sizes: Sequence[Sequence[float]],
        divisor: int,
    ) -> None:
        """The heads for proposals, boxes and masks, of blocks ``rows``, and the anchors of each
        map that proposals are made of; then random weights."""
        rpn, bbox, mask = rows
        options = self.options
        per_place = len(anchor_sizes[0]) * len(ASPECT_RATIOS)
        self.rpn = ProposalHead(self.channels, rpn, divisor, per_place, options.norm)
        self.box_head = BoxHead(self.channels, bbox, divisor, options.classes, options.norm)
        self.mask_head = None
        if options.masks:
            self.mask_head = MaskHead(self.channels, mask, divisor, options.classes, options.norm)
        strides = self.strides[self.proposing]
        for level, (sizes, step) in enumerate(zip(anchor_sizes, strides, strict=True)):
            grid = grid_anchors(
                cell_anchors(sizes, ASPECT_RATIOS),
                -(-self.height // step),
                -(-self.width // step),
                float(step),
            )
            self.register_buffer(f"anchors{level}", grid, persistent=False)
        self._initialize()
        for stage in self.stages[: options.frozen_stages]:
            stage.requires_grad_(False)

    def _initialize(self) -> None:
        """As mobile_cv and detectron2 do: He by fan-out, what predicts near zero."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        deviations: tuple[tuple[nn.Conv2d | nn.Linear, float], ...] = (
            (self.rpn.objectness, 0.01),
            (self.rpn.deltas, 0.01),
            (self.box_head.scores, 0.01),
            (self.box_head.deltas, 0.001),
        )
        for layer, deviation in deviations:
            nn.init.normal_(layer.weight, std=deviation)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)


class Candidates(NamedTuple):
    """``boxes`` (N, R, C, 4), clipped, and ``scores`` (N, R, C), 0 where there is no proposal."""

    boxes: Tensor
    scores: Tensor
