"""The formats a deployment can make, and what each needs to be installed."""

from __future__ import annotations

from importlib import util
from typing import cast

from export.format_info import FORMAT_INFO
from fbdeploy.records.builds import Build, precision_of
from fbdeploy.records.manifest import Format
from quantize.recipe import load_recipe
from zoo.errors import InputError

FORMATS: tuple[Format, ...] = tuple(FORMAT_INFO)
DEFAULT_BUILDS: tuple[Build, ...] = ("fp32", "int8")
"""What is made where nothing else is asked for; training is, by its build or by its recipe."""


def can_hold(fmt: Format, build: Build) -> bool:
    """Whether there is an artefact of ``fmt`` and ``build``."""
    return precision_of(build) in FORMAT_INFO[fmt].precisions


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


def as_builds(names: tuple[str, ...]) -> tuple[Build, ...]:
    """Names that have been checked against ``BUILDS``."""
    return tuple(cast(Build, name) for name in names)


def default_builds(recipe: str) -> tuple[Build, ...]:
    """The default ones, and the trained one where ``recipe`` (a name or a file) trains.

    Raises:
        InputError: there is no such recipe, or it is not one.
    """
    trains = load_recipe(recipe).method == "qat"
    return (*DEFAULT_BUILDS, "int8-qat") if trains else DEFAULT_BUILDS
