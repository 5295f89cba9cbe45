"""FBNetV3 detectors as data: ``zoo/architectures/detectors.toml`` and what a user may choose."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from zoo.architecture import Block
from zoo.detection.rules import DetectionRule, Norm

Rows = tuple[Block, ...]

ASPECT_RATIOS = (0.5, 1.0, 2.0)
MASK_SUFFIX = "_mask"


@dataclass(frozen=True)
class DetectorArchitecture:
    """The blocks of a detector: of the trunk by stage, and of the three heads."""

    trunk: tuple[Rows, ...]
    rpn: Rows
    bbox: Rows
    mask: Rows
    width_divisor: int


@dataclass(frozen=True)
class PublishedPrecision:
    """AP of COCO val2017 in percent: of the detector, and of both kinds with a mask head."""

    box_ap: float
    mask_box_ap: float
    mask_ap: float


@dataclass(frozen=True)
class DetectorTable:
    """A detector's row: ``input_size`` in pixels a side, ``pyramid_channels`` None without FPN.

    ``anchor_sizes`` are by level of the region proposal network, in pixels.
    """

    name: str
    architecture: DetectorArchitecture
    input_size: int
    anchor_sizes: tuple[tuple[float, ...], ...]
    pre_nms: int
    post_nms: int
    published: PublishedPrecision
    pyramid_channels: int | None = None


@dataclass(frozen=True)
class DetectorOptions:
    """What can be chosen of a detector; the defaults are d2go's.

    ``pooler_resolution`` is bins a side of what the box head sees, ``mask_pooler_resolution`` of
    the mask head, whose masks have as many pixels times its up- and downsampling (14 gives 28).
    An anchor is a positive example from the upper of ``iou_thresholds`` on and a negative one below
    the lower; between them it is none. ``frozen_stages`` of the trunk are not trained. ``pre_nms``
    and ``post_nms`` are proposals in front of and behind their suppression, None the table's.
    ``outputs``: ``detections`` ends with suppression within classes, ``candidates`` with the box
    and the score of every class of every proposal.
    """

    classes: int = 80
    masks: bool = False
    box_pooler_resolution: int = 6
    mask_pooler_resolution: int = 14
    iou_thresholds: tuple[float, float] = (0.3, 0.7)
    frozen_stages: int = 0
    norm: Norm = "naiveSyncBN"
    pre_nms: int | None = None
    post_nms: int | None = None
    rule: DetectionRule = field(default_factory=DetectionRule)
    outputs: Literal["detections", "candidates"] = "detections"

    def fault(self, stages: int) -> str | None:
        """What is wrong with them for a detector whose trunk has ``stages``, as the end of a
        sentence; None: nothing."""
        lower, upper = self.iou_thresholds
        positive = {
            "classes": self.classes,
            "box_pooler_resolution": self.box_pooler_resolution,
            "mask_pooler_resolution": self.mask_pooler_resolution,
            "pre_nms": 1 if self.pre_nms is None else self.pre_nms,
            "post_nms": 1 if self.post_nms is None else self.post_nms,
        }
        for name, value in positive.items():
            if value < 1:
                return f"{name} {value} is below 1"
        if not 0 <= self.frozen_stages <= stages:
            return f"frozen_stages {self.frozen_stages} is outside 0..{stages}, its trunk's stages"
        if not 0 < lower <= upper < 1:
            return f"IoU thresholds {lower} and {upper}: give 0 < lower <= upper < 1"
        if self.masks and self.mask_pooler_resolution % 2:
            return f"mask_pooler_resolution {self.mask_pooler_resolution} is odd; give an even one"
        if self.masks and self.outputs == "candidates":
            return "masks are made of detections; leave out masks or ask for detections"
        return None


@cache
def detector_tables() -> dict[str, DetectorTable]:
    """Every FBNetV3 detector by its name, without the suffix of those with a mask head."""
    path = resources.files("zoo") / "architectures" / "detectors.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    architectures = {
        name: DetectorArchitecture(
            trunk=tuple(_rows(rows) for rows in table["trunk"]),
            rpn=_rows(table["rpn"]),
            bbox=_rows(table["bbox"]),
            mask=_rows(table["mask"]),
            width_divisor=table["width_divisor"],
        )
        for name, table in content["architectures"].items()
    }
    return {
        name: DetectorTable(
            **table
            | {
                "name": name,
                "architecture": architectures[table["architecture"]],
                "anchor_sizes": tuple(tuple(sizes) for sizes in table["anchor_sizes"]),
                "published": PublishedPrecision(**table["published"]),
            }
        )
        for name, table in content["detectors"].items()
    }


def detector_names() -> tuple[str, ...]:
    """Every FBNetV3 detector's name, without and with a mask head."""
    return tuple(f"{table}{suffix}" for table in detector_tables() for suffix in ("", MASK_SUFFIX))


def find_detector(name: str) -> tuple[DetectorTable, bool] | None:
    """The table of a detector's name, and whether it has a mask head; None: it is no detector's."""
    table = detector_tables().get(name.removesuffix(MASK_SUFFIX))
    return None if table is None else (table, name.endswith(MASK_SUFFIX))


def with_masks(options: DetectorOptions, masks: bool) -> DetectorOptions:
    """``options`` with the mask head that a detector's name asks for."""
    return dataclasses.replace(options, masks=masks)


def _rows(rows: Sequence[dict[str, Any]]) -> Rows:
    return tuple(Block(**row) for row in rows)
