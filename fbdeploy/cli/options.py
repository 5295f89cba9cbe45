"""Options that several commands share, and lists of known names."""

from __future__ import annotations

from typing import Annotated

import typer

from fbdeploy.cli.types import numbers, paths, picture
from fbdeploy.pipeline.request import InputOptions
from zoo.errors import InputError, shown
from zoo.input_spec import Interpolation

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]
SkipBadImages = Annotated[
    bool,
    typer.Option("--skip-bad-images", help="Leave out images that cannot be read, and name them."),
]
NetworkName = Annotated[
    str,
    typer.Argument(
        parser=paths.network,
        metavar="NETWORK",
        help="A name of 'fbdeploy zoo', or FILE.py:FUNCTION; the embedded default.",
    ),
]
WeightsFile = Annotated[
    str | None,
    typer.Option(
        parser=paths.file_or_name,
        metavar="FILE",
        help="A .safetensors, .pth or .pt state dict, or 'pretrained' to download.",
    ),
]
NumClasses = Annotated[
    int | None,
    typer.Option(parser=numbers.classes, metavar="N", help="Classes, if the weights do not say."),
]
InputSize = Annotated[
    picture.Size | None,
    typer.Option(
        parser=picture.size,
        metavar="SIZE",
        help="Height and width of the input in pixels: 224 or 192x256.",
    ),
]
Mean = Annotated[
    picture.Triple | None,
    typer.Option(
        parser=picture.mean,
        metavar="R,G,B",
        help="Mean of each channel, of values in 0..1: 0.485,0.456,0.406.",
    ),
]
Std = Annotated[
    picture.Triple | None,
    typer.Option(
        parser=picture.std, metavar="R,G,B", help="Deviation of each channel: 0.229,0.224,0.225."
    ),
]
CropPct = Annotated[
    float | None,
    typer.Option(
        parser=picture.crop_share,
        metavar="SHARE",
        help="Part of the resized shorter side that the centre crop keeps, in 0.1..1.",
    ),
]
InterpolationOption = Annotated[
    Interpolation | None,
    typer.Option(
        "--interpolation",
        parser=picture.interpolation,
        metavar="NAME",
        help="How images are resized: nearest, bilinear or bicubic.",
    ),
]


def choices(text: str, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    """A list with commas, each of ``known``, in the order and the number they first appear.

    Raises:
        InputError: one is unknown, or there is none.
    """
    given = [part.strip() for part in text.split(",") if part.strip()]
    for part in given:
        if part not in known:
            raise InputError(f"{option} {shown(part)}: is unknown; give some of {', '.join(known)}")
    if not given:
        raise InputError(f"{option}: is empty; give some of {', '.join(known)}")
    return tuple(dict.fromkeys(given))


def input_options(
    size: picture.Size | None,
    mean: picture.Triple | None,
    std: picture.Triple | None,
    crop_pct: float | None,
    interpolation: Interpolation | None,
) -> InputOptions:
    """The options about the input as one value."""
    return InputOptions(
        size=size, mean=mean, std=std, crop_pct=crop_pct, interpolation=interpolation
    )
