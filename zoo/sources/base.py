"""What builds a network: the steps that ``load_network`` puts in order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import nn

from zoo.checkpoints import Layout, State
from zoo.input_spec import InputSpec


@dataclass(frozen=True)
class NetworkOptions:
    """Variants of torchvision's mobile networks.

    ``width_mult`` scales every layer's channels (MobileNetV2 and V3). ``reduced_tail`` halves the
    last stages' channels and ``dilated`` trades their stride for dilation (MobileNetV3).
    """

    width_mult: float = 1.0
    reduced_tail: bool = False
    dilated: bool = False


@dataclass(frozen=True)
class PretrainedFile:
    """Downloaded weights: where they lie, where they came from, and what binds who uses them."""

    path: Path
    origin: str
    note: str | None = None


class FeatureNetwork(Protocol):
    """A module returning maps, and what they are."""

    channels: list[int]
    reductions: list[int]


class NetworkSource(Protocol):
    """Builds one network; ``load_network`` puts the steps in order."""

    def build(self, num_classes: int | None) -> nn.Module:
        """A whole network, classifier included, randomly initialised; None: the default number."""

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """The same without weights where that is cheaper; names and shapes are what counts."""

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """What the network expects, None where nothing says so."""

    def classifier(self, module: nn.Module | None) -> str | None:
        """Name of the classifier module; None where unknown, as the user's before it is built."""

    def translate(self, state: State) -> tuple[State, Layout]:
        """A checkpoint in the module's own names, and the layout it was in."""

    def pretrained(self) -> PretrainedFile:
        """Download the published weights; InputError where there are none or no internet."""

    def remove_classifier(self, module: nn.Module) -> nn.Module:
        """The network returning its embedding (N, features)."""

    def features(self, module: nn.Module, spec: InputSpec) -> nn.Module:
        """A FeatureNetwork with the weights of ``module``."""

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """Class names where they are known, else empty."""
