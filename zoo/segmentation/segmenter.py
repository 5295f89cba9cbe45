"""A segmentation network: a backbone that returns named maps, and a head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from torch import Tensor, nn
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead
from torchvision.models.segmentation.lraspp import LRASPPHead

from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.names import HeadName
from zoo.segmentation.dilation import OutputStride, dilate
from zoo.segmentation.resizing import resize_logits

if TYPE_CHECKING:  # sources build segmenters, too
    from zoo.sources.base import FeatureNetwork

LRASPP_WIDTH = 128
"""Channels between LR-ASPP's convolutions (arXiv:1905.02244, figure 10)."""


class Segmenter(nn.Module):
    """Maps (N, 3, H, W) to logits (N, classes, h, w) at the resolution that the head works at.

    ``backbone`` returns maps by name: ``low`` and ``high`` for LR-ASPP, else ``out``. Names of
    weights are torchvision's.
    """

    def __init__(self, backbone: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, h, w)."""
        maps: Mapping[str, Tensor] = self.backbone(x)
        logits: Tensor = self.classifier(maps if "low" in maps else maps["out"])
        return logits


class FullResolution(nn.Module):
    """A segmenter whose logits have the size of its input, as torchvision's ``out``."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.segmenter = segmenter

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, classes, H, W)."""
        return resize_logits(self.segmenter(x), (x.shape[2], x.shape[3]))


class NamedMaps(nn.Module):
    """Some of the maps that a features-only network lists, by name."""

    def __init__(self, features: nn.Module, positions: Mapping[str, int]) -> None:
        super().__init__()
        self.features = features
        self.positions = dict(positions)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """A map (N, C, h, w) for each name."""
        maps: list[Tensor] = self.features(x)
        return {name: maps[position] for name, position in self.positions.items()}


def build_segmenter(
    name: str,
    features: nn.Module,
    spec: InputSpec,
    *,
    head: HeadName,
    num_classes: int,
    output_stride: OutputStride = 16,
) -> Segmenter:
    """A head, randomly initialised, on a features-only network, which is changed.

    LR-ASPP reads the coarsest map and the one twice as fine as ``output_stride``; the other heads
    read the coarsest.

    Args:
        name: of the network, for errors.
        features: from ``load_network(..., features_only=True)``, FBNetFeatures or the like.
        spec: its input.
        head: one of HEADS.
        num_classes: background included.
        output_stride: of the coarsest map; strides beyond it become dilation.

    Raises:
        InputError: the network has no map that the head reads, or cannot be dilated.
    """
    listed = cast("FeatureNetwork", features)
    channels = listed.channels
    reductions = [min(reduction, output_stride) for reduction in listed.reductions]
    if reductions[-1] < output_stride:
        raise InputError(
            f"{name}: its coarsest map has stride {reductions[-1]}, which is finer than the output "
            f"stride {output_stride} that is asked for"
        )
    dilate(name, features.eval(), spec, output_stride)
    last = len(channels) - 1
    if head != "lraspp":
        heads = {"deeplabv3": DeepLabHead, "fcn": FCNHead}
        return Segmenter(
            NamedMaps(features, {"out": last}), heads[head](channels[last], num_classes)
        )
    finer = output_stride // 2
    if finer not in reductions:
        raise InputError(f"{name}: has no map of stride {finer}, which LR-ASPP needs")
    low = reductions.index(finer)
    classifier = LRASPPHead(channels[low], channels[last], num_classes, LRASPP_WIDTH)
    return Segmenter(NamedMaps(features, {"low": low, "high": last}), classifier)
