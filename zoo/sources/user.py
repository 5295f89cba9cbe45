"""The user's own network."""

from __future__ import annotations

from torch import nn

from zoo.checkpoints import Layout, State
from zoo.errors import InputError
from zoo.feature_maps import feature_maps
from zoo.input_spec import InputSpec
from zoo.sources.base import PretrainedFile
from zoo.sources.config import config_of, labels_of, spec_from_config
from zoo.user_network import call_user_function


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
        config = config_of(self.name, module)
        return None if config is None else spec_from_config(self.name, config)

    def classifier(self, module: nn.Module | None) -> str | None:
        """See NetworkSource; ``pretrained_cfg`` says, else it is the last linear layer."""
        if module is None:
            return None
        name = (config_of(self.name, module) or {}).get("classifier")
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
        """See NetworkSource; from the module's own ``labels``."""
        return labels_of(self.name, module, count)
