"""What sources of networks with a task of their own have in common."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from zoo.errors import InputError


class Whole:
    """A network that is taken as a whole or not at all, of a ``kind``; ``instead`` says whose
    features to take."""

    kind: ClassVar[str]
    instead: ClassVar[str]

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource."""
        raise NotImplementedError

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource."""
        with torch.device("meta"):
            return self.build(num_classes)

    def classifier(self, module: nn.Module | None) -> str | None:
        """See NetworkSource; heads of several layers, none of which is left out alone."""
        return None

    def remove_classifier(self, module: nn.Module) -> nn.Module:
        """See NetworkSource."""
        raise InputError(f"{self.name}: is {self.kind}, without an embedding to return")

    def features(self, module: nn.Module, spec: object) -> nn.Module:
        """See NetworkSource."""
        raise InputError(f"{self.name}: is {self.kind}; take the features of {self.instead}")


class WholeDetector(Whole):
    """One for detection."""

    kind = "a detector"
    instead = "a classifier"
