"""FBNetV3 as Faster R-CNN and Mask R-CNN, in fixed shapes of plain operators."""

from __future__ import annotations

from torch import Tensor, nn

from zoo.detection.blocks import build_stage
from zoo.detection.config import DetectorOptions, DetectorTable
from zoo.detection.parts import FeaturePyramid
from zoo.detection.proposals import ProposalRule
from zoo.detection.two_stage import BOX_WEIGHTS, TwoStageDetector
from zoo.errors import InputError

__all__ = ["BOX_WEIGHTS", "FBNetV3Detector"]

_FIRST_PYRAMID_STAGE = 1  # of the trunk: stride 4
_FIRST_POOLED_LEVEL = 1  # of the pyramid: stride 8 (d2go's ROI_HEADS.IN_FEATURES)


class FBNetV3Detector(TwoStageDetector):
    """An FBNetV3 detector; its maps are one (C4), or the pyramid's five (FPN)."""

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
        super().__init__(options, size or (table.input_size, table.input_size))
        fault = options.fault(len(table.architecture.trunk))
        if fault:
            raise InputError(f"{table.name}: {fault}")
        self.table = table
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
            self.pooled = slice(_FIRST_POOLED_LEVEL, None)
        self._check_size(stride)
        heads = (architecture.rpn, architecture.bbox, architecture.mask)
        self._add_heads(heads, table.anchor_sizes, divisor)

    @property
    def proposal_rule(self) -> ProposalRule:
        """How proposals are chosen."""
        return ProposalRule(
            self.options.pre_nms or self.table.pre_nms, self.options.post_nms or self.table.post_nms
        )

    @property
    def stages(self) -> list[nn.Module]:
        """See TwoStageDetector."""
        return list(self.trunk)

    def levels(self, x: Tensor) -> list[Tensor]:
        """See TwoStageDetector."""
        maps = []
        for stage in self.trunk:
            x = stage(x)
            maps.append(x)
        if self.pyramid is None:
            return maps[-1:]
        levels: list[Tensor] = self.pyramid(maps[_FIRST_PYRAMID_STAGE:])
        return levels

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
