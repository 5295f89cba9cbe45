"""Which builds ``fbdeploy deploy`` makes when it is not told."""

from __future__ import annotations

import pytest

from fbdeploy.api.deploy_request import builds_of
from zoo.errors import InputError


@pytest.mark.parametrize(
    ("given", "recipe", "made"),
    [
        (None, "ptq", ("fp32", "int8")),
        (None, "qat-short", ("fp32", "int8", "int8-qat")),
        ("int8", "qat-short", ("int8",)),
        ("int8-qat", "ptq", ("int8-qat",)),
    ],
)
def test_a_recipe_that_trains_makes_the_trained_one(
    given: str | None, recipe: str, made: tuple[str, ...]
) -> None:
    assert builds_of(given, recipe) == made


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="--precisions"):
        builds_of("int4", "ptq")
    with pytest.raises(InputError, match="no such recipe"):
        builds_of(None, "no-such-recipe")
