"""What a network's name means: ours, timm's, torchvision's, or the user's own file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from zoo.architecture import architectures
from zoo.detection.config import detector_names, find_detector
from zoo.errors import InputError
from zoo.hub import hub_repository
from zoo.timm_names import is_timm_model, timm_names

Source = Literal["fbdeploy", "timm", "torchvision", "user"]

DEFAULT = "default"
DEFAULT_SEGMENTER = "default-segmenter"
DEFAULT_DETECTOR = "default-detector"
EMBEDDED = (DEFAULT, DEFAULT_SEGMENTER, DEFAULT_DETECTOR)
"""Networks that are trained here, on images that come with fbdeploy."""
_TITLES = {
    DEFAULT: "FBNetV2-F1 (Fashion-MNIST)",
    DEFAULT_SEGMENTER: "LR-ASPP on FBNetV2-F1 (Fashion scenes)",
    DEFAULT_DETECTOR: "Mask R-CNN on FBNetV2-F1 (Fashion scenes)",
}
LONGEST = 100
"""Characters of a name that are compared with those there are; none is as long."""

# The README of mobile-vision calls some FBNetV2 models by their search's name; FBNetV2_F5 and
# FBNet_a..c are mobile_cv's own aliases.
ALIASES = {
    "dmasking_f2": "FBNetV2_F2",
    "dmasking_f3": "FBNetV2_F3",
    "dmasking_l1": "FBNetV2_L1",
    "dmasking_l2": "FBNetV2_L2",
    "FBNetV2_F5": "FBNetV2_L2",
    "fbnetv2_f5": "FBNetV2_L2",
    "FBNet_a": "fbnet_a",
    "FBNet_b": "fbnet_b",
    "FBNet_c": "fbnet_c",
    **{f"fbnetv2_{size}": f"FBNetV2_{size.upper()}" for size in ("f0", "f1", "f2", "f3", "f4")},
    **{f"fbnetv2_{size}": f"FBNetV2_{size.upper()}" for size in ("l1", "l2")},
}

TORCHVISION = ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "resnet18", "resnet50")

SEGMENTERS = (
    "lraspp_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "fcn_resnet50",
    "fcn_resnet101",
)
"""torchvision's networks for segmentation."""
DETECTORS = (
    "ssdlite320_mobilenet_v3_large",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
)
"""torchvision's networks for detection."""
HeadName = Literal["lraspp", "deeplabv3", "fcn"]
HEADS: tuple[HeadName, ...] = ("lraspp", "deeplabv3", "fcn")
"""What makes a segmenter of a classifier: ``lraspp_FBNetV3_A`` is that head on that network."""


def title_of(name: str) -> str:
    """What people call a network: the embedded ones by what they are, others by their names."""
    return _TITLES.get(name, name)


@dataclass(frozen=True)
class UnpublishedNetwork:
    """Figures published for a network whose architecture never was: millions, pixels, percent."""

    name: str
    input_size: int
    params_m: float
    top1: float


# README of facebookresearch/mobile-vision, commit bbc6e5f.
UNPUBLISHED = (
    UnpublishedNetwork("dmasking_p1", 288, 2.64, 73.9),
    UnpublishedNetwork("dmasking_p2", 288, 2.99, 74.8),
    UnpublishedNetwork("dmasking_p3", 288, 4.0, 75.9),
)


@dataclass(frozen=True)
class ResolvedName:
    """A name as it was given, who builds it, and the name that source knows it by."""

    given: str
    source: Source
    canonical: str


def resolve(name: str) -> ResolvedName:
    """Find who builds ``name``; case counts, since ``FBNetV3_B`` is ours and ``fbnetv3_b`` timm's.

    Raises:
        InputError: the name is unknown (the nearest names are given), or its architecture was
            never published.
    """
    path, separator, _ = name.rpartition(":")
    if separator and path.endswith(".py"):
        return ResolvedName(name, "user", name)
    if hub_repository(name) is not None:
        return ResolvedName(name, "timm", name)
    if name in EMBEDDED or name in architectures():
        return ResolvedName(name, "fbdeploy", name)
    if name in ALIASES:
        return ResolvedName(name, "fbdeploy", ALIASES[name])
    if any(name == unpublished.name for unpublished in UNPUBLISHED):
        raise InputError(
            f"{name}: its architecture was never published, only its figures (see docs/zoo.md); "
            "the nearest published ones are FBNetV2_L1 and FBNetV2_F4"
        )
    if find_detector(name) is not None:
        return ResolvedName(name, "fbdeploy", name)
    if name in TORCHVISION or name in SEGMENTERS or name in DETECTORS:
        return ResolvedName(name, "torchvision", name)
    if is_timm_model(name):
        return ResolvedName(name, "timm", name)
    if headed(name) is not None:
        return ResolvedName(name, "fbdeploy", name)
    raise InputError(f"{name}: no such network; {_advice(name)}")


def headed(name: str) -> tuple[HeadName, str] | None:
    """The head and the network it is put on, of a name such as ``lraspp_FBNetV3_A``; None of
    another."""
    head, _, rest = name.partition("_")
    known = rest in architectures() or rest in ALIASES or rest in TORCHVISION
    for one in HEADS:
        if head == one and name not in SEGMENTERS and (known or is_timm_model(rest)):
            return one, rest
    return None


def _advice(name: str) -> str:
    if name.endswith(".py"):
        return f"to use your own, name the function too: {name}:FUNCTION"
    known = [*EMBEDDED, *architectures(), *ALIASES, *detector_names(), *TORCHVISION, *SEGMENTERS]
    known += [*DETECTORS, *sorted(timm_names())]
    by_lower: dict[str, str] = {}
    for candidate in known:
        by_lower.setdefault(candidate.lower(), candidate)
    near = difflib.get_close_matches(name.lower()[:LONGEST], by_lower, n=3, cutoff=0.5)
    if not near:
        return "'fbdeploy zoo' lists those there are"
    return f"nearest: {', '.join(by_lower[key] for key in near)} ('fbdeploy zoo' lists all)"
