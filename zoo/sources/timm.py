"""timm's networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from zoo.checkpoints import Layout, State, fit_positional
from zoo.errors import InputError, reason_of
from zoo.hub import fetch_hugging_face, fetch_url, hub_repository
from zoo.hub_config import hub_config
from zoo.imagenet import NUM_CLASSES, class_names
from zoo.input_spec import InputSpec
from zoo.sources.base import PretrainedFile
from zoo.sources.config import spec_from_config


class TimmSource:
    """Any network of timm, at ``size`` pixels where its input size is a build argument."""

    def __init__(self, name: str, size: int | tuple[int, int] | None = None) -> None:
        import timm
        from timm.models import get_pretrained_cfg

        self.name = name
        self.arguments: dict[str, Any] = {}
        self._labels: tuple[str, ...] = ()
        repository = hub_repository(name)
        if repository is not None:
            told = hub_config(name, repository)
            self.name, self._labels = told.architecture, told.labels
            self.arguments |= told.arguments
        try:
            usual = get_pretrained_cfg(self.name)
            self.config: Mapping[str, Any] = {} if usual is None else usual.to_dict()
        except (RuntimeError, AttributeError) as error:
            raise InputError(
                f"{name}: timm {timm.__version__} has no such pretrained tag; leave the tag away"
            ) from error
        if repository is not None:
            # What the architecture's usual weights say stands where the repository says nothing.
            self.config = {**self.config, "license": None, **told.pretrained}
        if size is not None and self.config.get("fixed_input_size"):
            self.arguments["img_size"] = size

    def _create(self, **arguments: Any) -> nn.Module:
        import timm

        try:
            built = timm.create_model(self.name, **{**self.arguments, **arguments})
            return cast(nn.Module, built)
        except (RuntimeError, TypeError, AssertionError) as error:
            reason = reason_of(error)
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
        return spec_from_config(self.name, self.config)

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
        if len(self._labels) == count:
            return self._labels
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
