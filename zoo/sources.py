"""The four places a network comes from, each behind one small Protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import nn

from zoo import embedded
from zoo.architecture import Architecture, architectures
from zoo.checkpoints import Layout, State, fit_positional, translate
from zoo.errors import InputError
from zoo.fbnet import FBNet, FBNetFeatures
from zoo.feature_maps import feature_maps
from zoo.hub import fetch_hugging_face, fetch_url
from zoo.imagenet import NUM_CLASSES, class_names
from zoo.input_spec import InputSpec
from zoo.names import DEFAULT, ResolvedName
from zoo.user_network import call_user_function

FBNET_LICENCE = "mobile-vision's weights are CC BY-NC 4.0: not for commercial use"


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


def find_source(
    resolved: ResolvedName,
    options: NetworkOptions | None = None,
    size: int | tuple[int, int] | None = None,
) -> NetworkSource:
    """The builder of a resolved name.

    Raises:
        InputError: ``options`` do not apply to this network.
    """
    options = options or NetworkOptions()
    if resolved.source == "torchvision":
        return TorchvisionSource(resolved.canonical, options)
    if options != NetworkOptions():
        raise InputError(
            f"{resolved.given}: width_mult, reduced_tail and dilated are options of torchvision's "
            "mobilenet_v2, mobilenet_v3_large and mobilenet_v3_small"
        )
    if resolved.source == "timm":
        return TimmSource(resolved.canonical, size)
    if resolved.source == "user":
        return UserSource(resolved.canonical)
    if resolved.canonical == DEFAULT:
        return EmbeddedSource()
    return FBNetSource(architectures()[resolved.canonical])


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


class TimmSource:
    """Any network of timm, at ``size`` pixels where its input size is a build argument."""

    def __init__(self, name: str, size: int | tuple[int, int] | None = None) -> None:
        import timm
        from timm.models import get_pretrained_cfg

        self.name = name
        try:
            self.config: Mapping[str, Any] = get_pretrained_cfg(name).to_dict()
        except (RuntimeError, AttributeError) as error:
            raise InputError(
                f"{name}: timm {timm.__version__} has no such pretrained tag; leave the tag away"
            ) from error
        self.arguments: dict[str, Any] = {}
        if size is not None and self.config.get("fixed_input_size"):
            self.arguments["img_size"] = size

    def _create(self, **arguments: Any) -> nn.Module:
        import timm

        try:
            return cast(nn.Module, timm.create_model(self.name, **self.arguments, **arguments))
        except (RuntimeError, TypeError, AssertionError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{self.name}: timm cannot build it so ({reason})") from error

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; timm's own number of classes by default."""
        return self._create(**({} if num_classes is None else {"num_classes": num_classes}))

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource."""
        with torch.device("meta"):
            return self.build(num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource."""
        return spec_from_config(self.config)

    def classifier(self, module: nn.Module | None) -> str | None:
        """See NetworkSource."""
        name = self.config.get("classifier")
        return name if isinstance(name, str) else None

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource; EfficientNet-Lite also takes foreign names by position."""
        if "efficientnet_lite" in self.name:
            renamed = fit_positional(state, self.skeleton(None))
            if renamed is not None:
                return renamed, "positional"
        return state, "timm"

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        licence = self.config.get("license")
        note = f"licence {licence}" if licence else None
        repository, url = self.config.get("hf_hub_id"), self.config.get("url")
        if repository:
            filename = self.config.get("hf_hub_filename") or "model.safetensors"
            path = fetch_hugging_face(self.name, repository, filename)
            return PretrainedFile(path, f"https://huggingface.co/{repository}", note)
        if url:
            return PretrainedFile(fetch_url(self.name, url), url, note)
        raise InputError(f"{self.name}: timm has no weights for it; give --weights FILE")

    def remove_classifier(self, module: nn.Module) -> nn.Module:
        """See NetworkSource."""
        cast(Any, module).reset_classifier(0)
        return module

    def features(self, module: nn.Module, spec: InputSpec) -> nn.Module:
        """See NetworkSource; as ``timm.create_model(features_only=True)``."""
        features = self._create(features_only=True)
        # timm flattens containers: ``stages.0`` becomes ``stages_0``.
        flat = {name.replace(".", "_"): tensor for name, tensor in module.state_dict().items()}
        state = {name: flat.get(name.replace(".", "_")) for name in features.state_dict()}
        lost = [name for name, tensor in state.items() if tensor is None]
        if lost:
            raise InputError(f"{self.name}: its feature network has weights of its own ({lost[0]})")
        features.load_state_dict(state)
        info = cast(Any, features).feature_info
        wrapped = _TimmFeatures(features, list(info.channels()), list(info.reduction()))
        return wrapped

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource."""
        return class_names() if count == NUM_CLASSES else ()


class _TimmFeatures(nn.Module):
    def __init__(self, network: nn.Module, channels: list[int], reductions: list[int]) -> None:
        super().__init__()
        self.network = network
        self.channels = channels
        self.reductions = reductions

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Maps of shape (N, channels[i], H / reductions[i], W / reductions[i])."""
        maps: list[torch.Tensor] = self.network(x)
        return maps


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


class UserSource:
    """A module the user's own function returns."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; the function is told the number if it takes ``num_classes``."""
        arguments: dict[str, object] = {}
        if num_classes is not None:
            arguments["num_classes"] = num_classes
        return call_user_function(self.name, arguments)

    def skeleton(self, num_classes: int | None) -> nn.Module:
        """See NetworkSource; whole, since the user's code may look at its weights."""
        return self.build(num_classes)

    def input_spec(self, module: nn.Module) -> InputSpec | None:
        """See NetworkSource; from the module's ``pretrained_cfg``, as timm's modules have it."""
        config = _config_of(module)
        return None if config is None else spec_from_config(config)

    def classifier(self, module: nn.Module | None) -> str | None:
        """See NetworkSource; ``pretrained_cfg`` says, else it is the last linear layer."""
        if module is None:
            return None
        name = (_config_of(module) or {}).get("classifier")
        if isinstance(name, str):
            return name
        linear = [n for n, part in module.named_modules() if isinstance(part, nn.Linear)]
        return linear[-1] if linear else None

    def translate(self, state: State) -> tuple[State, Layout]:
        """See NetworkSource."""
        return state, "own"

    def pretrained(self) -> PretrainedFile:
        """See NetworkSource."""
        raise InputError(f"{self.name}: has no published weights; give --weights FILE")

    def remove_classifier(self, module: nn.Module) -> nn.Module:
        """See NetworkSource."""
        reset = getattr(module, "reset_classifier", None)
        if callable(reset):
            reset(0)
            return module
        name = self.classifier(module)
        if not name:
            raise InputError(f"{self.name}: has no nn.Linear classifier to leave out")
        module.set_submodule(name, nn.Identity())
        return module

    def features(self, module: nn.Module, spec: InputSpec) -> nn.Module:
        """See NetworkSource."""
        return feature_maps(self.name, module, spec)

    def labels(self, module: nn.Module, count: int) -> tuple[str, ...]:
        """See NetworkSource; from the module's own ``labels`` where it has as many."""
        labels = getattr(module, "labels", ())
        return tuple(labels) if isinstance(labels, list | tuple) and len(labels) == count else ()


def _config_of(module: nn.Module) -> Mapping[str, Any] | None:
    config: Any = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if hasattr(config, "to_dict"):
        config = config.to_dict()
    return config if isinstance(config, Mapping) and "input_size" in config else None


def spec_from_config(config: Mapping[str, Any]) -> InputSpec:
    """An InputSpec from timm's ``pretrained_cfg``; only ``input_size`` (3, H, W) must be there."""
    plain = InputSpec(*config["input_size"][1:])
    interpolation = config.get("interpolation", plain.interpolation)
    return InputSpec(
        plain.height,
        plain.width,
        mean=tuple(config.get("mean", plain.mean)),
        std=tuple(config.get("std", plain.std)),
        crop_pct=float(config.get("crop_pct") or plain.crop_pct),
        interpolation="bilinear" if interpolation == "random" else interpolation,
        crop_mode=config.get("crop_mode") or plain.crop_mode,
    )
