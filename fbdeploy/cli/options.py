"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, cast, get_args

import typer

from fbdeploy.pipeline.request import InputOptions
from zoo.errors import InputError

Interpolation = Literal["nearest", "bilinear", "bicubic"]

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]
SkipBadImages = Annotated[
    bool,
    typer.Option("--skip-bad-images", help="Leave out images that cannot be read, and name them."),
]
NetworkName = Annotated[
    str,
    typer.Argument(help="A name of 'fbdeploy zoo', or FILE.py:FUNCTION; the embedded default."),
]
WeightsFile = Annotated[
    str | None,
    typer.Option(help="A .safetensors, .pth or .pt state dict, or 'pretrained' to download."),
]
NumClasses = Annotated[int | None, typer.Option(min=1, help="Classes, if the weights do not say.")]
InputSize = Annotated[
    str | None, typer.Option(help="Height and width of the input in pixels: 224 or 192x256.")
]
Mean = Annotated[
    str | None, typer.Option(help="Mean of each channel, of values in 0..1: 0.485,0.456,0.406.")
]
Std = Annotated[str | None, typer.Option(help="Deviation of each channel: 0.229,0.224,0.225.")]
CropPct = Annotated[
    float | None,
    typer.Option(help="Part of the resized shorter side that the centre crop keeps, in 0..1."),
]
InterpolationOption = Annotated[
    str | None,
    typer.Option("--interpolation", help="How images are resized: nearest, bilinear or bicubic."),
]


def choices(text: str, known: tuple[str, ...], option: str) -> tuple[str, ...]:
    """A list with commas, each of ``known``, in the order and the number they first appear.

    Raises:
        InputError: one is unknown, or there is none.
    """
    given = [part.strip() for part in text.split(",") if part.strip()]
    for part in given:
        if part not in known:
            raise InputError(f"{option} {part}: is unknown; give some of {', '.join(known)}")
    if not given:
        raise InputError(f"{option}: is empty; give some of {', '.join(known)}")
    return tuple(dict.fromkeys(given))


def whole_numbers(text: str, smallest: int) -> tuple[int, ...]:
    """A list of whole numbers with commas, each of at least ``smallest``, without repeats.

    Raises:
        typer.BadParameter: it is none.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) >= smallest for part in parts):
        raise typer.BadParameter(
            f"{text}: is no list of whole numbers from {smallest}; give such as 1 or 1,2"
        )
    return tuple(dict.fromkeys(int(part) for part in parts))


def check_whole_numbers(smallest: int) -> Callable[[str | None], str | None]:
    """What refuses an option that ``whole_numbers`` cannot read, while the line is parsed."""

    def check(text: str | None) -> str | None:
        if text is not None:
            whole_numbers(text, smallest)
        return text

    return check


def image_count(text: str) -> int | None:
    """``--images``: a positive number, or None for ``all``.

    Raises:
        InputError: it is neither.
    """
    if text == "all":
        return None
    if not text.isdigit() or int(text) == 0:
        raise InputError(f"--images {text}: is no number of images; give 1 or more, or all")
    return int(text)


def input_options(
    size: str | None,
    mean: str | None,
    std: str | None,
    crop_pct: float | None,
    interpolation: str | None,
) -> InputOptions:
    """The options about the input, read and checked.

    Raises:
        InputError: one of them cannot be what it says.
    """
    if crop_pct is not None and not 0 < crop_pct <= 1:
        raise InputError(f"--crop-pct {crop_pct}: must be above 0 and at most 1, such as 0.875")
    if interpolation is not None and interpolation not in get_args(Interpolation):
        known = ", ".join(get_args(Interpolation))
        raise InputError(f"--interpolation {interpolation}: is unknown; give one of {known}")
    deviation = _channels(std, "--std")
    if deviation and min(deviation) <= 0:
        raise InputError(f"--std {std}: a deviation is above 0; give three such numbers")
    return InputOptions(
        size=_size(size),
        mean=_channels(mean, "--mean"),
        std=deviation,
        crop_pct=crop_pct,
        interpolation=cast(Interpolation | None, interpolation),
    )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"--input-size {text}: is no size in pixels; give 224 or 192x256")
    return int(parts[0]), int(parts[-1])


def _channels(text: str | None, option: str) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"{option} {text}: must be three numbers with commas, such as 0.485,0.456,0.406"
        ) from None
    return red, green, blue
