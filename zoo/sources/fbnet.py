"""FBNets of the architecture tables, and the embedded default."""

from __future__ import annotations

import math

import torch
from torch import nn

from zoo import embedded
from zoo.architecture import Architecture, architectures
from zoo.checkpoints import Layout, State, translate
from zoo.errors import InputError
from zoo.fbnet import FBNet, FBNetFeatures
from zoo.hub import fetch_url
from zoo.imagenet import NUM_CLASSES, class_names
from zoo.input_spec import InputSpec
from zoo.sources.base import PretrainedFile

FBNET_LICENCE = "mobile-vision's weights are CC BY-NC 4.0: not for commercial use"


def published_input_spec(architecture: Architecture) -> InputSpec:
    """The input a published FBNet was scored with (``conventions`` of docs/zoo.md)."""
    size = architecture.input_size
    published = architecture.published
    resize = published.resize if published and published.resize else None
    if resize is None:
        resize = math.ceil(size * 256 / 224 / 8) * 8
    crop_pct = size / resize
    if math.floor(size / crop_pct) != resize:  # the quotient may fall just short
        crop_pct = math.nextafter(crop_pct, 0)
    return InputSpec(size, size, crop_pct=crop_pct)


class FBNetSource:
    """FBNets from the architecture tables."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; 1000 classes by default."""
        return FBNet(self.architecture, NUM_CLASSES if num_classes is None else num_classes)

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource."""
        with torch.device("meta"):
            return self.build(num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        return published_input_spec(self.architecture)

    def classifier(self, module: nn.Module | None) -> str | None:
        """See NetworkSource."""
        return "classifier"

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource; reads our own and mobile_cv's names."""
        return translate(state, self.architecture)

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        url = self.architecture.weights_url
        if url is None:
            raise InputError(
                f"{self.architecture.name}: no weights of it were published; give --weights FILE"
            )
        return PretrainedFile(fetch_url(self.architecture.name, url), url, FBNET_LICENCE)

    def remove_classifier(self, module: nn.Module) -> nn.Module:
        """See NetworkSource."""
        assert isinstance(module, FBNet)
        module.classifier = nn.Identity()
        module.num_classes = 0
        return module

    def features(self, module: nn.Module, spec: InputSpec) -> nn.Module:
        """See NetworkSource."""
        assert isinstance(module, FBNet)
        return FBNetFeatures(module)

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        return class_names() if count == NUM_CLASSES else ()


class EmbeddedSource(FBNetSource):
    """The embedded default network."""

    def __init__(self) -> None:
        super().__init__(architectures()[embedded.ARCHITECTURE])

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; ten classes by default."""
        return super().build(len(embedded.LABELS) if num_classes is None else num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        return embedded.INPUT_SPEC

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        return embedded.LABELS if count == len(embedded.LABELS) else ()
