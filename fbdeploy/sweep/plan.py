"""What ``fbdeploy sweep`` is to go through: a small TOML file, or the command's options."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from fbdeploy.pipeline.formats import default_builds, installed_formats
from fbdeploy.pipeline.request import DEFAULT_IMAGES, InputOptions
from fbdeploy.records.builds import BUILDS, Build, program_of
from fbdeploy.records.manifest import Format
from runtime_bench.measurement import HOTTEST, LOCAL, MOST_CORES, Threads
from runtime_bench.targets.address import EmulatedAddress, LocalAddress, parse_target
from runtime_bench.timing.modes import mode_of
from zoo.documents import LARGEST_COUNT, Schema, read_toml, validated
from zoo.errors import InputError
from zoo.input_spec import MOST_CLASSES

FLOAT_BUILDS = frozenset(build for build in BUILDS if not program_of(build))
"""What no recipe changes."""


def slug(name: str) -> str:
    """A name for folders and rows: letters, digits, dot, dash and underscore of ``name``."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def recipe_title(recipe: str) -> str:
    """What a recipe is called in the results: its name, of a file the file's."""
    return slug(Path(recipe).stem if recipe.endswith(".toml") else recipe)


class NetworkPlan(Schema):
    """A network as ``fbdeploy deploy`` takes it. What is None is the plan's own.

    ``label`` names its folder and its rows; by default the name, of a file's function its name.
    """

    name: str
    label: str = ""
    weights: str | None = None
    num_classes: int | None = Field(default=None, ge=1, le=MOST_CLASSES)
    data: str | None = None
    calibration: str | None = None
    input: InputOptions = InputOptions()

    @property
    def title(self) -> str:
        """What the network is called in the results."""
        return slug(self.label or self.name.rpartition(":")[2])


class TargetPlan(Schema):
    """A target as ``fbdeploy bench --target`` takes it, with the options of that command."""

    address: str
    cores: tuple[Annotated[int, Field(ge=0, le=MOST_CORES)], ...] | None = None
    cool_below: float | None = Field(default=None, ge=0, le=HOTTEST)
    latency_model: Path | None = None
    runners: Path | None = None

    @property
    def is_emulated(self) -> bool:
        """Whether it counts instead of timing."""
        return isinstance(parse_target(self.address), EmulatedAddress)

    @property
    def is_this_machine(self) -> bool:
        """Whether it is timed here, where nothing else may run meanwhile."""
        return isinstance(parse_target(self.address), LocalAddress)


def _named(key: str) -> BeforeValidator:
    """Lets a plain string stand for a table with ``key`` alone."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


class SweepPlan(Schema):
    """All combinations of these are made, scored and timed.

    ``precisions`` None are those that ``deploy`` makes with each recipe; ``images`` are those each
    artefact is scored on, None for all; ``mode`` is that of ``bench``.
    """

    networks: tuple[Annotated[NetworkPlan, _named("name")], ...] = Field(min_length=1)
    targets: tuple[Annotated[TargetPlan, _named("address")], ...] = Field(
        default=(TargetPlan(address=LOCAL),), min_length=1
    )
    recipes: tuple[str, ...] = Field(default=("ptq",), min_length=1)
    formats: tuple[Format, ...] = Field(default_factory=installed_formats, min_length=1)
    precisions: tuple[Build, ...] | None = Field(default=None, min_length=1)
    threads: tuple[Threads, ...] = Field(default=(1,), min_length=1)
    mode: str = "quick"
    data: str | None = None
    calibration: str | None = None
    images: Annotated[
        Annotated[int, Field(ge=1, le=LARGEST_COUNT)] | None,
        BeforeValidator(lambda value: None if value == "all" else value),
    ] = DEFAULT_IMAGES
    skip_bad_images: bool = False

    def builds_of(self, recipe: str) -> tuple[Build, ...]:
        """What is made with ``recipe``: float artefacts are the same for all, so only once.

        Raises:
            InputError: there is no such recipe, or it is not one.
        """
        asked = default_builds(recipe) if self.precisions is None else self.precisions
        if recipe == self.recipes[0]:
            return asked
        return tuple(one for one in asked if one not in FLOAT_BUILDS)


def read_plan(
    path: Path | None,
    changes: dict[str, Any],
    renamed: Callable[[str, str], None] = lambda old, new: None,
) -> SweepPlan:
    """The plan of a TOML file, with the command's options in the place of its keys.

    Args:
        path: the file; None if the options say everything.
        changes: keys of ``SweepPlan`` and their values.
        renamed: is told of a key that has another name now, and that name.

    Raises:
        InputError: the file cannot be read or is no TOML; a key is unknown, missing or wrong; two
            networks have one label; two targets one address.
    """
    where = "sweep" if path is None else str(path)
    values: dict[str, Any] = {}
    if path is not None:
        values = read_toml(path, "docs/sweep.md shows one")
    values |= changes
    if not values.get("networks"):
        raise InputError(f"{where}: names no network; give --networks, or networks in the file")
    if "targets" in values:
        values["targets"] = _with_latency_models(values["targets"], renamed)
    plan = validated(SweepPlan, values, where, "docs/sweep.md lists the keys")
    mode_of(plan.mode)
    _check_unique(where, "networks", [one.title for one in plan.networks], "give each a label")
    _check_unique(where, "targets", [one.address for one in plan.targets], "leave one out")
    _check_unique(where, "recipes", [recipe_title(one) for one in plan.recipes], "rename one")
    for target in plan.targets:
        parse_target(target.address)
    return plan


def _with_latency_models(targets: Any, renamed: Callable[[str, str], None]) -> Any:
    """Targets as a file has them, with ``latency_model`` where they say ``calibration``."""
    if not isinstance(targets, list):
        return targets
    found = []
    for target in targets:
        if isinstance(target, dict) and "calibration" in target and "latency_model" not in target:
            renamed("a target's calibration", "latency_model")
            others = {key: value for key, value in target.items() if key != "calibration"}
            found.append(others | {"latency_model": target["calibration"]})
        else:
            found.append(target)
    return found


def _check_unique(where: str, key: str, names: list[str], remedy: str) -> None:
    for name in names:
        if names.count(name) > 1 or not name:
            raise InputError(f"{where}: {key}: '{name}' is there more than once; {remedy}")
