"""Recipes: how to quantize, as TOML data with a checked schema."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field

from zoo.documents import Schema, parse_toml, read_toml, validated
from zoo.errors import InputError
from zoo.files import is_file

DEFAULT = "ptq"
MOST = 1e6
"""Rates and weights of losses beyond this are mistakes; the defaults are at most 1."""


class Ranges(Schema):
    """How grids are found: ``mse`` minimizes the squared error, ``minmax`` covers every value.

    With ``activations`` ``float`` they have none, and only weights become int8.
    """

    activations: Literal["mse", "minmax", "float"] = "mse"
    weights: Literal["mse", "max"] = "mse"


class Corrections(Schema):
    """Optional steps; each is kept only if the held-out KL divergence falls.

    ``equalization`` scales channels between layers where that is exact; ``ranges`` searches again
    for each grid, now by the error at the logits; ``bias`` corrects channels' means;
    ``reconstruction`` chooses int8 weights by what each layer makes of them, and biases with them;
    ``distillation`` trains the whole network, as the recipe's ``qat`` says, on the calibration
    images and without labels, which takes minutes.
    """

    equalization: bool = True
    ranges: bool = True
    bias: bool = True
    reconstruction: bool = True
    distillation: bool = False


class MixedPrecision(Schema):
    """How many operators may stay in float where int8 hurts most; none by default.

    Together they have at most ``max_cost_share`` of the network's multiply-adds and activation
    elements, and each choice, of one or several, must lower the held-out KL by ``min_gain`` of what
    it was; both in 0..1.
    """

    max_operators: int = Field(default=0, ge=0, le=1000)
    max_cost_share: float = Field(default=0.1, ge=0, le=1)
    min_gain: float = Field(default=0.1, ge=0, lt=1)


class Calibration(Schema):
    """How many images calibrate, and how many of them are held out to decide on corrections."""

    images: int = Field(default=512, ge=1, le=100_000)
    held_out: int = Field(default=128, ge=0, le=50_000)


class Training(Schema):
    """Quantization-aware training (``quantize.qat.train``); docs/qat.md says what to change.

    ``images`` is how many are learned from; rates are Adam's at the first step, of weights, biases
    and zero points in steps of their grids and of the scales' logarithms; they fall to zero along
    a cosine. ``temperature`` and ``feature_weight`` are of the distillation loss,
    ``label_weight`` of the cross-entropy that needs labels. Grids stay as they are for the last
    ``freeze_grids`` part of the steps.
    """

    steps: int = Field(default=400, ge=1, le=1_000_000)
    batch: int = Field(default=16, ge=1, le=4096)
    images: int = Field(default=1024, ge=1, le=1_000_000)
    weight_lr: float = Field(default=0.01, ge=0, le=MOST)
    bias_lr: float = Field(default=0.002, ge=0, le=MOST)
    # Adam moves scales by this whatever their gradient, and at 1e-4 they undo what weights and
    # biases learn: the embedded network's held-out KL fell from 0.00029 to 0.00028 nats in 500
    # steps, at 1e-5 to 0.00021, as with scales that stand still.
    scale_lr: float = Field(default=1e-5, ge=0, allow_inf_nan=False)
    zero_point_lr: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    # As judged by: quantize.judging.TEMPERATURE. At 1 MobileNetV3-Small's KL on held-out
    # photos rose from 0.0191 to 0.0201 in 400 steps, at 4 it fell to 0.0180.
    temperature: float = Field(default=4.0, gt=0, le=100)
    feature_weight: float = Field(default=0.5, ge=0, le=MOST)
    label_weight: float = Field(default=0.0, ge=0, le=MOST)
    freeze_grids: float = Field(default=0.3, ge=0, le=1)
    ema: float = Field(default=0.99, ge=0, lt=1)
    evaluate_every: int = Field(default=25, ge=1, le=1_000_000)
    flip: bool = False
    shift: int = Field(default=0, ge=0, le=64)
    seed: int = Field(default=0, ge=0, le=1_000_000)


class Recipe(Schema):
    """A whole recipe; docs/recipes.md documents every key."""

    name: str
    method: Literal["ptq", "qat"] = "ptq"
    ranges: Ranges = Ranges()
    corrections: Corrections = Corrections()
    mixed_precision: MixedPrecision = MixedPrecision()
    calibration: Calibration = Calibration()
    qat: Training = Training()


def ranges_only(recipe: Recipe) -> Recipe:
    """``recipe`` without what it corrects afterwards, for looking at what there is to correct."""
    nothing = {
        "corrections": Corrections(**dict.fromkeys(Corrections.model_fields, False)),
        "mixed_precision": MixedPrecision(),
    }
    return recipe.model_copy(update={"method": "ptq", **nothing})


def built_in() -> tuple[str, ...]:
    """The names of the recipes that come with the package."""
    folder = resources.files("quantize") / "recipes"
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith(".toml")))


def load_recipe(name_or_path: str = DEFAULT) -> Recipe:
    """Read a built-in recipe by name, or a TOML file.

    Raises:
        InputError: there is no such recipe, or it does not fit the schema.
    """
    advice = "docs/recipes.md lists the keys"
    if name_or_path in built_in():
        resource = resources.files("quantize") / "recipes" / f"{name_or_path}.toml"
        values = parse_toml(resource.read_bytes(), name_or_path, advice)
    elif is_file(Path(name_or_path)):
        values = read_toml(Path(name_or_path), advice)
    else:
        raise InputError(
            f"{name_or_path}: no such recipe; name a TOML file or one of " + ", ".join(built_in())
        )
    return validated(Recipe, values, name_or_path, advice)
