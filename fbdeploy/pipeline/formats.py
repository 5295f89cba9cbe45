"""The formats a deployment can make, and what each needs to be installed."""

from __future__ import annotations

from importlib import util
from typing import cast

from export.format_info import FORMAT_INFO, NumberType
from fbdeploy.records.manifest import Format, Precision
from quantize.recipe import load_recipe
from zoo.errors import InputError

FORMATS: tuple[Format, ...] = tuple(FORMAT_INFO)
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8", "int8-qat")
DEFAULT_PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
"""What is made where nothing else is asked for; training is, by its precision or by its recipe."""


def number_type(precision: Precision) -> NumberType:
    """What the values of an artefact in ``precision`` are."""
    return "int8" if precision == "int8-qat" else precision


def can_hold(fmt: Format, precision: Precision) -> bool:
    """Whether there is an artefact of ``fmt`` in ``precision``."""
    return number_type(precision) in FORMAT_INFO[fmt].precisions


def is_installed(fmt: Format) -> bool:
    """Whether the packages of a format are installed."""
    return all(util.find_spec(module) is not None for module in FORMAT_INFO[fmt].modules)


def check_installed(fmt: Format) -> None:
    """Refuse a format whose packages are absent.

    Raises:
        InputError: they are; the line names the ``pip install``.
    """
    for module in FORMAT_INFO[fmt].modules:
        if util.find_spec(module) is None:
            raise InputError(
                f"--formats {fmt}: its package {module} is not installed; "
                f"run pip install '{FORMAT_INFO[fmt].requirement}', or leave the format out"
            )


def installed_formats() -> tuple[Format, ...]:
    """The formats that can be made here."""
    return tuple(fmt for fmt in FORMATS if is_installed(fmt))


def as_precisions(names: tuple[str, ...]) -> tuple[Precision, ...]:
    """Names that have been checked against ``PRECISIONS``."""
    return tuple(cast(Precision, name) for name in names)


def default_precisions(recipe: str) -> tuple[Precision, ...]:
    """The default ones, and the trained one where ``recipe`` (a name or a file) trains.

    Raises:
        InputError: there is no such recipe, or it is not one.
    """
    trains = load_recipe(recipe).method == "qat"
    return (*DEFAULT_PRECISIONS, "int8-qat") if trains else DEFAULT_PRECISIONS
