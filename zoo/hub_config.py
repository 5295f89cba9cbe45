"""What a network of the Hugging Face hub says of itself: timm's ``config.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.documents import read_json
from zoo.errors import InputError
from zoo.hub import fetch_hugging_face
from zoo.timm_names import is_timm_model

CONFIG = "config.json"


@dataclass(frozen=True)
class HubConfig:
    """``architecture`` is timm's name, ``arguments`` what it is built with, ``pretrained`` the
    weights' ``pretrained_cfg``, ``labels`` the classes, none if it does not say."""

    architecture: str
    pretrained: Mapping[str, Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


def hub_config(name: str, repository: str) -> HubConfig:
    """The configuration of ``repository``, which the network ``name`` is of.

    Raises:
        InputError: the hub cannot be reached, or holds no network of timm there.
    """
    path = fetch_hugging_face(name, repository, CONFIG)
    advice = "give a repository of timm's networks"
    found: Any = read_json(path, advice)
    architecture = found.get("architecture") if isinstance(found, dict) else None
    if not isinstance(architecture, str) or not is_timm_model(architecture):
        raise InputError(f"{name}: its {CONFIG} names no architecture of timm; {advice}")
    pretrained, arguments = found.get("pretrained_cfg", {}), found.get("model_args") or {}
    if not isinstance(pretrained, dict) or not isinstance(arguments, dict):
        raise InputError(f"{name}: its {CONFIG} is not as timm writes it; {advice}")
    for key in ("num_classes", "global_pool"):
        if key in found:
            arguments.setdefault(key, found[key])
    labels = found.get("label_names") or pretrained.get("label_names") or ()
    plain = isinstance(labels, list) and all(isinstance(label, str) for label in labels)
    return HubConfig(
        architecture,
        {**pretrained, "hf_hub_id": repository},
        arguments,
        tuple(labels) if plain else (),
    )
