"""Recipes: how to quantize, as TOML data with a checked schema."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import InputError

DEFAULT = "ptq"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ranges(_Strict):
    """How grids are found: ``mse`` minimizes the squared error, the others cover every value."""

    activations: Literal["mse", "minmax"] = "mse"
    weights: Literal["mse", "max"] = "mse"


class Corrections(_Strict):
    """Optional steps; each is kept only if the held-out KL divergence falls."""

    bias: bool = True


class Calibration(_Strict):
    """How many images calibrate, and how many of them are held out to decide on corrections."""

    images: int = Field(default=512, ge=1, le=100_000)
    held_out: int = Field(default=128, ge=0, le=50_000)


class Recipe(_Strict):
    """A whole recipe; docs/recipes.md documents every key."""

    name: str
    method: Literal["ptq"] = "ptq"
    ranges: Ranges = Ranges()
    corrections: Corrections = Corrections()
    calibration: Calibration = Calibration()


def built_in() -> tuple[str, ...]:
    """The names of the recipes that come with the package."""
    folder = resources.files("quantize") / "recipes"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml")))


def load_recipe(name_or_path: str = DEFAULT) -> Recipe:
    """Read a built-in recipe by name, or a TOML file.

    Raises:
        InputError: there is no such recipe, or it does not fit the schema.
    """
    if name_or_path in built_in():
        resource = resources.files("quantize") / "recipes" / f"{name_or_path}.toml"
        text = resource.read_text(encoding="utf-8")
    else:
        path = Path(name_or_path)
        if not path.is_file():
            raise InputError(
                f"{name_or_path}: no such recipe; name a TOML file or one of "
                + ", ".join(built_in())
            )
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{name_or_path}: cannot be read as TOML text ({error})") from error
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name_or_path}: not valid TOML ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{name_or_path}: {key}: {first['msg'].lower()}; docs/recipes.md lists the keys"
        ) from error
