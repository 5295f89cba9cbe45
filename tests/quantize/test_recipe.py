"""Recipes as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantize.recipe import built_in, load_recipe
from zoo.errors import InputError


@pytest.mark.parametrize("name", built_in())
def test_built_in_recipes_are_valid_and_named_after_their_file(name: str) -> None:
    assert load_recipe(name).name == name


def test_file_overrides_defaults(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[ranges]\nactivations = "minmax"\n')
    recipe = load_recipe(str(path))
    assert recipe.ranges.activations == "minmax"
    assert recipe.ranges.weights == "mse"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "is not TOML"),
        ('name = "x"\n[ranges]\nactivations = "best"', "ranges.activations"),
        ('name = "x"\nbits = 4', "bits"),
        ('name = "x"\n[calibration]\nimages = 0', "calibration.images"),
        ("[ranges]", "name"),
    ],
)
def test_bad_recipe_is_one_line_that_names_the_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        load_recipe(str(path))
    assert "\n" not in str(error.value)


def test_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="ptq-fast"):
        load_recipe("best")
