"""torchvision's networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from zoo.checkpoints import Layout, State
from zoo.errors import InputError
from zoo.feature_maps import feature_maps
from zoo.hub import fetch_url
from zoo.imagenet import NUM_CLASSES, class_names
from zoo.input_spec import InputSpec
from zoo.sources.base import NetworkOptions, PretrainedFile


class TorchvisionSource:
    """torchvision's networks; input and pretrained weights are those it calls DEFAULT."""

    def __init__(self, name: str, options: NetworkOptions | None = None) -> None:
        import torchvision

        options = options or NetworkOptions()
        self.name = name
        self.weights: Any = torchvision.models.get_model_weights(name).DEFAULT
        self.builder: Callable[..., nn.Module] = torchvision.models.get_model_builder(name)
        self.arguments: dict[str, Any] = {}
        plain = NetworkOptions()
        if options.width_mult != plain.width_mult:
            self._only(("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"), "width_mult")
            if not options.width_mult > 0:
                raise InputError(f"{name}: width_mult {options.width_mult} is not positive")
            self.arguments["width_mult"] = options.width_mult
        for option in ("reduced_tail", "dilated"):
            if getattr(options, option):
                self._only(("mobilenet_v3_large", "mobilenet_v3_small"), option)
                self.arguments[option] = True

    def _only(self, names: tuple[str, ...], option: str) -> None:
        if self.name not in names:
            raise InputError(f"{self.name}: has no option {option}; {', '.join(names)} have")

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; 1000 classes by default."""
        classes = NUM_CLASSES if num_classes is None else num_classes
        return self.builder(weights=None, num_classes=classes, **self.arguments)

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource."""
        with torch.device("meta"):
            return self.build(num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        transform = self.weights.transforms()
        crop, resize = transform.crop_size[0], transform.resize_size[0]
        return InputSpec(
            crop,
            crop,
            mean=tuple(transform.mean),
            std=tuple(transform.std),
            crop_pct=crop / resize,
            interpolation=transform.interpolation.value,
        )

    def classifier(self, module: nn.Module | None) -> str | None:
        """See NetworkSource."""
        return {"mobilenet_v2": "classifier.1", "resnet18": "fc", "resnet50": "fc"}.get(
            self.name, "classifier.3"
        )

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return state, "torchvision"

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        if self.arguments:
            raise InputError(
                f"{self.name}: no weights are published for {', '.join(self.arguments)}; "
                "give --weights FILE"
            )
        url = str(self.weights.url)
        return PretrainedFile(fetch_url(self.name, url), url, f"torchvision {self.weights}")

    def remove_classifier(self, module: nn.Module) -> nn.Module:
        """See NetworkSource."""
        name = self.classifier(module)
        assert name is not None
        module.set_submodule(name, nn.Identity())
        return module

    def features(self, module: nn.Module, spec: InputSpec) -> nn.Module:
        """See NetworkSource."""
        return feature_maps(self.name, module, spec)

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        return class_names() if count == NUM_CLASSES else ()
