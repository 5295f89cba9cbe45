"""``pretrained_cfg``, by which timm's modules and the user's say what input they expect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, get_args

from torch import nn

from zoo.errors import InputError, shown
from zoo.input_spec import CropMode, InputSpec, Interpolation

MOST_PIXELS_A_SIDE = 16_384


def config_of(name: str, module: nn.Module) -> Mapping[str, Any] | None:
    """What a module of the user's says of its input; None where it says nothing.

    Raises:
        InputError: ``pretrained_cfg`` is no mapping with ``input_size``.
    """
    config: Any = getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)
    if hasattr(config, "to_dict"):
        config = config.to_dict()
    if config is None:
        return None
    if not isinstance(config, Mapping) or "input_size" not in config:
        raise InputError(
            f"{name}: its pretrained_cfg is {shown(config)}; give a dict with at least "
            "'input_size': (3, height, width), or leave it out"
        )
    return config


def spec_from_config(name: str, config: Mapping[str, Any]) -> InputSpec:
    """An InputSpec from timm's ``pretrained_cfg``; only ``input_size`` (3, H, W) must be there.

    Raises:
        InputError: a value is of another type or range, naming it.
    """

    def wrong(key: str, wanted: str) -> InputError:
        return InputError(
            f"{name}: its pretrained_cfg has '{key}': {shown(repr(config[key]))}; give {wanted}"
        )

    size = config["input_size"]
    sides = list(size) if isinstance(size, Sequence) and not isinstance(size, str) else []
    if len(sides) != 3 or not all(_is_side(side) for side in sides) or sides[0] != 3:
        raise wrong("input_size", "(3, height, width) in pixels")
    plain = InputSpec(*sides[1:])
    triples: dict[str, tuple[float, float, float]] = {}
    for key in ("mean", "std"):
        triples[key] = getattr(plain, key)
        if config.get(key) is not None:
            values = config[key]
            if not _are_numbers(values) or len(values) != 3 or (key == "std" and min(values) <= 0):
                raise wrong(key, f"three numbers{' above 0' if key == 'std' else ''}")
            red, green, blue = (float(value) for value in values)
            triples[key] = (red, green, blue)
    crop_pct = plain.crop_pct if config.get("crop_pct") is None else config["crop_pct"]
    if not _are_numbers([crop_pct]) or not 0 < crop_pct <= 1:
        raise wrong("crop_pct", "a number above 0 and up to 1")
    interpolation: Any = config.get("interpolation", plain.interpolation)
    interpolation = "bilinear" if interpolation == "random" else interpolation
    if interpolation not in get_args(Interpolation):
        raise wrong("interpolation", f"one of {', '.join(get_args(Interpolation))}")
    crop_mode: Any = plain.crop_mode if config.get("crop_mode") is None else config["crop_mode"]
    if crop_mode not in get_args(CropMode):
        raise wrong("crop_mode", f"one of {', '.join(get_args(CropMode))}")
    return InputSpec(
        plain.height,
        plain.width,
        mean=triples["mean"],
        std=triples["std"],
        crop_pct=float(crop_pct),
        interpolation=interpolation,
        crop_mode=crop_mode,
    )


def labels_of(name: str, module: nn.Module, count: int) -> tuple[str, ...]:
    """The names of its classes that a module of the user's has as ``labels``; () where none.

    Raises:
        InputError: they are no list of ``count`` names of one line.
    """
    labels: Any = getattr(module, "labels", None)
    if labels is None:
        return ()
    if not isinstance(labels, list | tuple) or not all(isinstance(name, str) for name in labels):
        raise InputError(f"{name}: its labels are {shown(labels)}; give a list of strings")
    for label in labels:
        if not label.strip() or not label.isprintable():
            raise InputError(
                f"{name}: its label {shown(ascii(label))} is empty or has characters that cannot "
                "be printed; give names of one line"
            )
    if len(labels) != count:
        raise InputError(f"{name}: has {len(labels)} labels for {count} outputs; give one for each")
    return tuple(labels)


def _is_side(value: object) -> bool:
    return (
        isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_PIXELS_A_SIDE
    )


def _are_numbers(values: object) -> bool:
    return (
        isinstance(values, Sequence)
        and not isinstance(values, str)
        and all(
            isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
            for value in values
        )
    )
