"""Networks for detection: FBNetV3's, and the embedded default."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from torch import nn

from zoo.checkpoints import Layout, State
from zoo.detection import default
from zoo.detection.config import DetectorOptions, find_detector, with_masks
from zoo.detection.conventions import detection_spec
from zoo.detection.fbnetv3 import FBNetV3Detector
from zoo.detection.labels import coco_labels
from zoo.detection.layouts import translate
from zoo.detection.loading import read_weights
from zoo.embedded import LABELS
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.names import DEFAULT_DETECTOR
from zoo.sources.base import PretrainedFile
from zoo.sources.whole import WholeDetector


class DetectorSource(WholeDetector):
    """FBNetV3 detectors of ``zoo/architectures/detectors.toml``.

    What is built depends on the weights it is for: whether their normalization is folded into the
    convolutions, and how many classes they have.
    """

    def __init__(
        self, name: str, size: int | tuple[int, int] | None = None, weights: Path | None = None
    ) -> None:
        super().__init__(name)
        found = find_detector(name)
        assert found is not None
        self._table, masks = found
        self._size = (size, size) if isinstance(size, int) else size
        self._options = with_masks(DetectorOptions(), masks)
        self._labels: tuple[str, ...] = ()
        if weights is not None and weights.exists():
            told = read_weights(weights, self._table, self._options)
            self._options, self._labels = told.options, told.labels
            self._size = self._size or told.size

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; as many classes as the weights have by default, or COCO's 80."""
        options = self._options
        if num_classes is not None:
            options = dataclasses.replace(options, classes=num_classes)
        return FBNetV3Detector(self._table, options, self._size)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        assert isinstance(module, FBNetV3Detector)
        return detection_spec(module.height, module.width)

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return translate(state, self._table)

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        raise InputError(
            f"{self.name}: d2go's weights are no longer published; give --weights FILE"
        )

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        names = self._labels or coco_labels()
        return names if count == len(names) else ()


class EmbeddedDetector(WholeDetector):
    """The embedded default for detection, of as many classes as the weights it is for."""

    def __init__(self, weights: Path | None = None) -> None:
        super().__init__(DEFAULT_DETECTOR)
        self._options = default.OPTIONS
        self._labels: tuple[str, ...] = LABELS
        if weights is not None and weights.exists():
            told = read_weights(weights, None, self._options)
            self._options, self._labels = told.options, told.labels or LABELS

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; ten classes by default."""
        options = self._options
        if num_classes is not None:
            options = dataclasses.replace(options, classes=num_classes)
        return default.DefaultDetector(options)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        return default.INPUT_SPEC

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return state, "own"

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        raise InputError(f"{self.name}: comes with its weights; leave --weights out")

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        return self._labels if count == len(self._labels) else ()
