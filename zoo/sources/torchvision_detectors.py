"""Networks for detection: torchvision's."""

from __future__ import annotations

import torchvision
from torch import nn

from zoo.checkpoints import Layout, State
from zoo.detection.faster_rcnn import FixedFasterRCNN
from zoo.detection.ssdlite import FixedSSD
from zoo.detection.torchvision_detectors import (
    CLASSES,
    DETECTORS,
    build_torchvision,
    in_fixed_shapes,
    translate,
)
from zoo.hub import fetch_url
from zoo.input_spec import InputSpec
from zoo.sources.base import PretrainedFile
from zoo.sources.whole import WholeDetector


class TorchvisionDetector(WholeDetector):
    """Those of ``zoo.detection.torchvision_detectors``, in fixed shapes; input and pretrained
    weights are those torchvision calls DEFAULT."""

    def __init__(self, name: str, size: int | tuple[int, int] | None = None) -> None:
        super().__init__(name)
        self._size = (size, size) if isinstance(size, int) else size

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; the 90 ids of COCO's categories by default, without a background."""
        classes = CLASSES if num_classes is None else num_classes + 1
        return in_fixed_shapes(self.name, build_torchvision(self.name, classes), size=self._size)

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; its anchors are computed, so it is built as a whole."""
        return self.build(num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        return DETECTORS[self.name].input_spec

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return translate(self.name, state)

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        weights = torchvision.models.get_model_weights(self.name).DEFAULT
        url = str(weights.url)
        return PretrainedFile(fetch_url(self.name, url), url, f"torchvision {weights}")

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        assert isinstance(module, FixedFasterRCNN | FixedSSD)
        weights = torchvision.models.get_model_weights(self.name).DEFAULT
        names = tuple(weights.meta["categories"][1:])
        return names if count == len(names) else ()
