"""FBNetV3 as Faster R-CNN and Mask R-CNN, in fixed shapes of plain operators."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from zoo.detection import ABSENT
from zoo.detection.anchors import cell_anchors, grid_anchors
from zoo.detection.blocks import build_stage
from zoo.detection.boxes import clip_boxes, decode_boxes
from zoo.detection.config import ASPECT_RATIOS, DetectorOptions, DetectorTable
from zoo.detection.conventions import detection_interface
from zoo.detection.final import detect
from zoo.detection.parts import BoxHead, FeaturePyramid, MaskHead, ProposalHead
from zoo.detection.proposals import ProposalRule, propose
from zoo.detection.roi_align import Pooling, roi_align, roi_align_levels
from zoo.errors import InputError
from zoo.outputs import Interface

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
_FIRST_PYRAMID_STAGE = 1  # of the trunk: stride 4
_FIRST_POOLED_LEVEL = 1  # of the pyramid: stride 8 (d2go's ROI_HEADS.IN_FEATURES)


class FBNetV3Detector(nn.Module):
    """An FBNetV3 detector for inputs of one size.

    ``forward`` maps (N, 3, height, width) to the tensors that ``output_names`` names:

    * ``boxes`` (N, D, 4), ``scores`` (N, D) and ``labels`` (N, D), as ``final.Detections``, and
      with a mask head ``masks`` (N, D, S, S): probabilities, over the box's area;
    * with ``outputs="candidates"``: ``boxes`` (N, R, C, 4) and ``scores`` (N, R, C).
    """

    def __init__(
        self, table: DetectorTable, options: DetectorOptions, size: tuple[int, int] | None = None
    ) -> None:
        """Build with random weights.

        Args:
            table: which detector.
            options: what is chosen of it.
            size: height and width of the input in pixels; None: the table's.

        Raises:
            InputError: options or a size that do not fit this detector.
        """
        super().__init__()
        fault = options.fault(table)
        if fault:
            raise InputError(f"{table.name}: {fault}")
        self.table, self.options = table, options
        self.height, self.width = size or (table.input_size, table.input_size)
        architecture, norm = table.architecture, options.norm
        divisor = architecture.width_divisor
        stages: list[nn.Module] = []
        strides: list[int] = []
        channels, stride = [3], 1
        for rows in architecture.trunk:
            stage, count = build_stage(rows, channels[-1], divisor, norm)
            stages.append(stage)
            channels.append(count)
            stride *= rows[0].s
            strides.append(stride)
        self.trunk = nn.ModuleList(stages)
        self.pyramid = None
        self.strides, self.channels = strides[-1:], channels[-1]
        if table.pyramid_channels is not None:
            first = _FIRST_PYRAMID_STAGE
            self.pyramid = FeaturePyramid(channels[1 + first :], table.pyramid_channels, norm)
            self.strides = [*strides[first:], 2 * strides[-1]]
            self.channels = table.pyramid_channels
        self._check_size(stride)
        per_place = len(table.anchor_sizes[0]) * len(ASPECT_RATIOS)
        self.rpn = ProposalHead(self.channels, architecture.rpn, divisor, per_place, norm)
        self.box_head = BoxHead(self.channels, architecture.bbox, divisor, options.classes, norm)
        self.mask_head = None
        if options.masks:
            self.mask_head = MaskHead(
                self.channels, architecture.mask, divisor, options.classes, norm
            )
        for level, (sizes, step) in enumerate(zip(table.anchor_sizes, self.strides, strict=True)):
            grid = grid_anchors(
                cell_anchors(sizes, ASPECT_RATIOS),
                -(-self.height // step),
                -(-self.width // step),
                float(step),
            )
            self.register_buffer(f"anchors{level}", grid, persistent=False)
        self._initialize()

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
        return ProposalRule(
            self.options.pre_nms or self.table.pre_nms, self.options.post_nms or self.table.post_nms
        )

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

    def levels(self, x: Tensor) -> list[Tensor]:
        """The maps that proposals are made of: one (C4), or five (FPN)."""
        maps = []
        for stage in self.trunk:
            x = stage(x)
            maps.append(x)
        if self.pyramid is None:
            return maps[-1:]
        levels: list[Tensor] = self.pyramid(maps[_FIRST_PYRAMID_STAGE:])
        return levels

    def proposals(self, levels: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Proposed boxes (N, R, 4) and their logits (N, R), as ``propose`` returns them."""
        heads = [self.rpn(level) for level in levels]
        anchors = [self.get_buffer(f"anchors{level}") for level in range(len(levels))]
        return propose(
            [logits for logits, _ in heads],
            [deltas for _, deltas in heads],
            anchors,
            (self.height, self.width),
            self.proposal_rule,
        )

    def candidates(self, levels: list[Tensor], proposed: Tensor, logits: Tensor) -> Candidates:
        """Every class's box and score of every proposal."""
        count, classes = proposed.shape[1], self.options.classes
        pooled = self.pool(levels, proposed, self.options.box_pooler_resolution)
        class_logits, deltas = self.box_head(pooled)
        present = (logits > ABSENT / 2).to(proposed.dtype).unsqueeze(2)
        scores = torch.softmax(class_logits, dim=1).reshape(-1, count, classes + 1)
        boxes = decode_boxes(
            deltas.reshape(-1, count, classes, 4), proposed.unsqueeze(2), BOX_WEIGHTS
        )
        clipped = clip_boxes(boxes, self.height, self.width)
        return Candidates(clipped, scores[:, :, :classes] * present)

    def pool(self, levels: list[Tensor], boxes: Tensor, resolution: int) -> Tensor:
        """Boxes (N, R, 4) pooled from the maps: (N * R, C, resolution, resolution)."""
        pooling = Pooling(resolution)
        if self.pyramid is None:
            return roi_align(levels[0], boxes, 1 / self.strides[0], pooling)
        first = _FIRST_POOLED_LEVEL
        scales = [1 / stride for stride in self.strides[first:]]
        return roi_align_levels(levels[first:], boxes, scales, pooling, 0.0)

    def train(self, mode: bool = True) -> Self:
        """As nn.Module.train, but frozen stages keep their statistics."""
        super().train(mode)
        for stage in self._frozen:
            stage.eval()
        return self

    @property
    def _frozen(self) -> list[nn.Module]:
        return list(self.trunk)[: self.options.frozen_stages]

    def _check_size(self, stride: int) -> None:
        if min(self.height, self.width) < stride:
            raise InputError(
                f"{self.table.name}: input {self.height}x{self.width} is below {stride} pixels"
            )
        if self.pyramid is not None and (self.height % stride or self.width % stride):
            raise InputError(
                f"{self.table.name}: input {self.height}x{self.width} is no multiple of {stride} "
                "pixels, which its feature pyramid needs"
            )

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
        for stage in self._frozen:
            stage.requires_grad_(False)


class Candidates(NamedTuple):
    """``boxes`` (N, R, C, 4), clipped, and ``scores`` (N, R, C), 0 where there is no proposal."""

    boxes: Tensor
    scores: Tensor
