"""What ``fbdeploy zoo`` lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from zoo import embedded
from zoo.architecture import architectures
from zoo.detection.config import MASK_SUFFIX, detector_tables
from zoo.foreign_networks import foreign_networks
from zoo.hub import is_cached_hugging_face, is_cached_url
from zoo.names import (
    ALIASES,
    DEFAULT,
    DEFAULT_DETECTOR,
    DEFAULT_SEGMENTER,
    UNPUBLISHED,
    Source,
    resolve,
)
from zoo.outputs import TaskName
from zoo.scenes import SIDE

if TYPE_CHECKING:
    from zoo.counting import Counts

WeightsAtHand = Literal["embedded", "cached", "download", "none"]


@dataclass(frozen=True)
class CatalogueEntry:
    """One network of the list.

    ``input_size`` is in pixels, ``published_top1`` in percent on ImageNet, ``published_miou`` in
    points on the part of COCO val2017 that has Pascal VOC's classes, ``published_ap`` of boxes in
    points on COCO val2017, published parameters and MACs
    in millions by their authors' rule (zoo/counting.py). ``weights`` says what ``--weights
    pretrained`` would do: use embedded or cached weights, download them, or fail. ``available`` is
    False where only figures were published.
    """

    name: str
    family: str
    source: Source
    input_size: int
    weights: WeightsAtHand
    published_top1: float | None = None
    published_params_m: float | None = None
    published_macs_m: float | None = None
    aliases: tuple[str, ...] = ()
    available: bool = True
    task: TaskName = "classification"
    published_miou: float | None = None
    published_ap: float | None = None


def catalogue() -> tuple[CatalogueEntry, ...]:
    """Every listed network; timm's other names resolve too but are not listed."""
    return (*_fbnets(), *_detectors(), *_foreign())


def count_entry(entry: CatalogueEntry) -> Counts | None:
    """Parameters and MACs of an entry at its input size; None where it has no architecture."""
    if not entry.available:
        return None
    import torch

    from zoo.counting import count
    from zoo.sources import find_source

    source = find_source(resolve(entry.name))
    # Detectors make constants as they run, which are on no other device.
    with torch.device("cpu" if entry.task == "detection" else "meta"):
        network = source.build(None)
    return count(network, (1, 3, entry.input_size, entry.input_size))


def _fbnets() -> Iterator[CatalogueEntry]:
    yield CatalogueEntry(DEFAULT, "fbnetv2", "fbdeploy", embedded.INPUT_SPEC.height, "embedded")
    yield CatalogueEntry(
        DEFAULT_SEGMENTER, "lraspp", "fbdeploy", SIDE, "embedded", task="segmentation"
    )
    yield CatalogueEntry(
        DEFAULT_DETECTOR, "mask_rcnn", "fbdeploy", SIDE, "embedded", task="detection"
    )
    for name, architecture in architectures().items():
        published = architecture.published
        yield CatalogueEntry(
            name,
            architecture.family,
            "fbdeploy",
            architecture.input_size,
            _at_hand(architecture.weights_url),
            published.top1 if published else None,
            published.params_m if published else None,
            published.macs_m if published else None,
            tuple(alias for alias, target in ALIASES.items() if target == name),
        )
    for figures in UNPUBLISHED:
        yield CatalogueEntry(
            figures.name,
            "dmasking",
            "fbdeploy",
            figures.input_size,
            "none",
            figures.top1,
            figures.params_m,
            available=False,
        )


def _detectors() -> Iterator[CatalogueEntry]:
    for table in detector_tables().values():
        published = table.published
        for suffix, box_ap in (("", published.box_ap), (MASK_SUFFIX, published.mask_box_ap)):
            yield CatalogueEntry(
                f"{table.name}{suffix}",
                "fbnetv3",
                "fbdeploy",
                table.input_size,
                "none",
                task="detection",
                published_ap=box_ap,
            )


def _foreign() -> Iterator[CatalogueEntry]:
    for network in foreign_networks():
        if network.repository:
            weights: WeightsAtHand = (
                "cached" if is_cached_hugging_face(network.repository) else "download"
            )
        else:
            weights = _at_hand(network.url)
        yield CatalogueEntry(
            network.name,
            network.family,
            network.source,
            network.input_size,
            weights,
            network.published_top1,
            task=network.task,
            published_miou=network.published_miou,
            published_ap=network.published_ap,
        )


def _at_hand(url: str | None) -> WeightsAtHand:
    if url is None:
        return "none"
    return "cached" if is_cached_url(url) else "download"
