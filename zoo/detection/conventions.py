"""What detectors of every kind have in common towards those who run them."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.input_spec import IMAGENET_MEAN, IMAGENET_STD, InputSpec
from zoo.outputs import Interface, OutputSpec

_MEANINGS = {
    "boxes": "left, top, right and bottom of each detection in pixels of the input",
    "scores": "probability of each detection, the best first; 0 where there is none",
    "labels": "index of each detection's class",
    "masks": "probability of each pixel of each detection's box that it is the object's",
}


def detection_interface(names: Sequence[str]) -> Interface:
    """That of a module which returns a tuple of the outputs ``names``."""
    return Interface(
        "detection",
        tuple(
            OutputSpec(name, meaning=_MEANINGS.get(name, ""), key=str(place))
            for place, name in enumerate(names)
        ),
    )


def detection_spec(
    height: int,
    width: int,
    mean: tuple[float, float, float] = IMAGENET_MEAN,
    std: tuple[float, float, float] = IMAGENET_STD,
) -> InputSpec:
    """The input of a detector: a whole picture, its ratio of sides kept, in the left upper
    corner."""
    return InputSpec(height, width, mean, std, crop_pct=1.0, crop_mode="letterbox")
