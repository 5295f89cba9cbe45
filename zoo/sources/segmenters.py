"""Networks for segmentation: torchvision's, and the embedded default."""

from __future__ import annotations

import dataclasses

from torch import nn

from zoo.checkpoints import Layout, State
from zoo.errors import InputError
from zoo.hub import fetch_url
from zoo.input_spec import InputSpec
from zoo.names import DEFAULT_SEGMENTER, HeadName
from zoo.scenes import CLASSES
from zoo.segmentation import default, torchvision_networks
from zoo.segmentation.segmenter import build_segmenter
from zoo.sources.base import NetworkSource, PretrainedFile
from zoo.sources.whole import Whole

VOC_CLASSES = 21


class _Segmenter(Whole):
    kind = "a segmenter"
    instead = "the network it is made of"


class TorchvisionSegmenter(_Segmenter):
    """torchvision's networks; input and pretrained weights are those it calls DEFAULT."""

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; the 21 classes of Pascal VOC by default."""
        return torchvision_networks.build(self.name, num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        return torchvision_networks.input_spec(self.name)

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return torchvision_networks.without_auxiliary(state)

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        weights = torchvision_networks.published(self.name)
        url = str(weights.url)
        return PretrainedFile(fetch_url(self.name, url), url, f"torchvision {weights}")

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        names = tuple(torchvision_networks.published(self.name).meta["categories"])
        return names if count == len(names) else ()


class HeadedSegmenter(_Segmenter):
    """A head, at output stride 16, on a network of another source, at that one's input size."""

    def __init__(self, name: str, head: HeadName, backbone: NetworkSource) -> None:
        super().__init__(name)
        self._head, self._backbone = head, backbone

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; the 21 classes of Pascal VOC by default."""
        whole = self._backbone.build(None).eval()
        spec = self.input_spec(whole)
        assert spec is not None
        features = self._backbone.features(whole, spec)
        classes = VOC_CLASSES if num_classes is None else num_classes
        return build_segmenter(
            self.name, features, spec, head=self._head, num_classes=classes
        ).eval()

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource; without the crop that classifiers are scored with."""
        spec = self._backbone.input_spec(module)
        return None if spec is None else dataclasses.replace(spec, crop_pct=1.0)

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return state, "own"

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        raise InputError(f"{self.name}: no weights of it were published; give --weights FILE")

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        return ()


class EmbeddedSegmenter(_Segmenter):
    """The embedded default for segmentation."""

    def __init__(self) -> None:
        super().__init__(DEFAULT_SEGMENTER)

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; background and ten classes by default."""
        return default.build_default(len(CLASSES) if num_classes is None else num_classes)

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
        return CLASSES if count == len(CLASSES) else ()
