"""Networks for detection: FBNetV3's."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from torch import nn

from zoo.checkpoints import Layout, State
from zoo.detection.config import DetectorOptions, find_detector, with_masks
from zoo.detection.conventions import detection_spec
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.detection.labels import coco_labels
from zoo.detection.layouts import translate
from zoo.detection.loading import read_detector, suited
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.sources.base import PretrainedFile


class DetectorSource:
    """FBNetV3 detectors of ``zoo/architectures/detectors.toml``.

    What is built depends on the weights it is for: whether their normalization is folded into the
    convolutions, and how many classes they have.
    """

    def __init__(
        self, name: str, size: int | tuple[int, int] | None = None, weights: Path | None = None
    ) -> None:
        found = find_detector(name)
        assert found is not None
        self._table, masks = found
        self.name = name
        self._size = (size, size) if isinstance(size, int) else size
        self._options = with_masks(DetectorOptions(), masks)
        if weights is not None and weights.exists():
            state, _ = read_detector(weights, self._table)
            self._options = suited(self._options, state, any_classes=True)

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; as many classes as the weights have by default, or COCO's 80."""
        options = self._options
        if num_classes is not None:
            options = dataclasses.replace(options, classes=num_classes)
        return FBNetV3Detector(self._table, options, self._size)

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource."""
        with torch.device("meta"):
            return self.build(num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        assert isinstance(module, FBNetV3Detector)
        return detection_spec(module.height, module.width)

    def classifier(self, module: nn.Module | None) -> str | None:
        """See NetworkSource; heads of several layers, none of which is left out alone."""
        return None

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return translate(state, self._table)

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        raise InputError(
            f"{self.name}: d2go's weights are no longer published; give --weights FILE"
        )

    def remove_classifier(self, module: nn.Module) -> nn.Module:
        """See NetworkSource."""
        raise InputError(f"{self.name}: is a detector, without an embedding to return")

    def features(self, module: nn.Module, spec: InputSpec) -> nn.Module:
        """See NetworkSource."""
        raise InputError(f"{self.name}: is a detector; take the features of a classifier")

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        names = coco_labels()
        return names if count == len(names) else ()
