"""The builder of a resolved name."""

from __future__ import annotations

from pathlib import Path

from zoo.architecture import architectures
from zoo.detection.config import find_detector
from zoo.errors import InputError
from zoo.names import (
    DEFAULT,
    DEFAULT_DETECTOR,
    DEFAULT_SEGMENTER,
    DETECTORS,
    TORCHVISION,
    ResolvedName,
    headed,
    resolve,
)
from zoo.sources.base import NetworkOptions, NetworkSource
from zoo.sources.detectors import DetectorSource, EmbeddedDetector
from zoo.sources.fbnet import EmbeddedSource, FBNetSource
from zoo.sources.segmenters import EmbeddedSegmenter, HeadedSegmenter, TorchvisionSegmenter
from zoo.sources.timm import TimmSource
from zoo.sources.torchvision import TorchvisionSource
from zoo.sources.torchvision_detectors import TorchvisionDetector
from zoo.sources.user import UserSource


def find_source(
    resolved: ResolvedName,
    options: NetworkOptions | None = None,
    size: int | tuple[int, int] | None = None,
    weights: Path | None = None,
) -> NetworkSource:
    """The builder of a resolved name, for an input of ``size`` and what the file ``weights``
    holds, where a network depends on them.

    Raises:
        InputError: ``options`` do not apply to this network.
    """
    options = options or NetworkOptions()
    if resolved.canonical in TORCHVISION:
        return TorchvisionSource(resolved.canonical, options)
    if options != NetworkOptions():
        raise InputError(
            f"{resolved.given}: width_mult, reduced_tail and dilated are options of torchvision's "
            "mobilenet_v2, mobilenet_v3_large and mobilenet_v3_small"
        )
    if resolved.canonical in DETECTORS:
        return TorchvisionDetector(resolved.canonical, size)
    if resolved.source == "torchvision":
        return TorchvisionSegmenter(resolved.canonical)
    if resolved.source == "timm":
        return TimmSource(resolved.canonical, size)
    if resolved.source == "user":
        return UserSource(resolved.canonical)
    if resolved.canonical == DEFAULT:
        return EmbeddedSource()
    if find_detector(resolved.canonical) is not None:
        return DetectorSource(resolved.canonical, size, weights)
    if resolved.canonical == DEFAULT_SEGMENTER:
        return EmbeddedSegmenter()
    if resolved.canonical == DEFAULT_DETECTOR:
        return EmbeddedDetector(weights)
    on = headed(resolved.canonical)
    if on is not None:
        return HeadedSegmenter(resolved.given, on[0], find_source(resolve(on[1]), None, size))
    return FBNetSource(architectures()[resolved.canonical])
