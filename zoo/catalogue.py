"""What ``fbdeploy zoo`` lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch

from zoo import embedded
from zoo.architecture import architectures
from zoo.counting import Counts, count
from zoo.hub import is_cached_hugging_face, is_cached_url
from zoo.names import (
    ALIASES,
    DEFAULT,
    DEFAULT_SEGMENTER,
    SEGMENTERS,
    TORCHVISION,
    UNPUBLISHED,
    Source,
    resolve,
)
from zoo.outputs import TaskName
from zoo.segmentation import default, torchvision_networks
from zoo.sources import find_source
from zoo.sources.timm import TimmSource
from zoo.sources.torchvision import TorchvisionSource

WeightsAtHand = Literal["embedded", "cached", "download", "none"]

# Top-1 on ImageNet in percent at the listed input size, from the model cards of huggingface.co/timm
# (fbnetc_100.rmsp_in1k, fbnetv3_b/d/g.ra2_in1k).
_TIMM_TOP1 = {"fbnetc_100": 75.12, "fbnetv3_b": 78.184, "fbnetv3_d": 78.658, "fbnetv3_g": 81.246}
_TIMM_PATTERNS = ("fbnet*", "mobilenetv3_*", "tf_mobilenetv3_*", "tf_efficientnet_lite*")


@dataclass(frozen=True)
class CatalogueEntry:
    """One network of the list.

    ``input_size`` is in pixels, ``published_top1`` in percent on ImageNet, ``published_miou`` in
    points on the part of COCO val2017 that has Pascal VOC's classes, published parameters and MACs
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


def catalogue() -> tuple[CatalogueEntry, ...]:
    """Every listed network; timm's other names resolve too but are not listed."""
    return (*_fbnets(), *_timm(), *_torchvision(), *_segmenters())


def count_entry(entry: CatalogueEntry) -> Counts | None:
    """Parameters and MACs of an entry at its input size; None where it has no architecture."""
    if not entry.available:
        return None
    source = find_source(resolve(entry.name))
    with torch.device("meta"):
        network = source.build(None)
    return count(network, (1, 3, entry.input_size, entry.input_size))


def _fbnets() -> Iterator[CatalogueEntry]:
    stored = embedded.embedded_file(embedded.WEIGHTS_FILE).is_file()
    yield CatalogueEntry(
        DEFAULT,
        "fbnetv2",
        "fbdeploy",
        embedded.INPUT_SPEC.height,
        "embedded" if stored else "none",
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


def _timm() -> Iterator[CatalogueEntry]:
    import timm

    for name in timm.list_models(list(_TIMM_PATTERNS)):
        config = TimmSource(name).config
        repository = config.get("hf_hub_id")
        weights: WeightsAtHand = "none"
        if repository:
            weights = "cached" if is_cached_hugging_face(repository) else "download"
        elif config.get("url"):
            weights = _at_hand(config["url"])
        family = name.removeprefix("tf_").split("_")[0]
        yield CatalogueEntry(
            name, family, "timm", config["input_size"][-1], weights, _TIMM_TOP1.get(name)
        )


def _torchvision() -> Iterator[CatalogueEntry]:
    for name in TORCHVISION:
        source = TorchvisionSource(name)
        metrics: dict[str, Any] = source.weights.meta["_metrics"]
        yield CatalogueEntry(
            name,
            "resnet" if name.startswith("resnet") else "_".join(name.split("_")[:2]),
            "torchvision",
            source.weights.transforms().crop_size[0],
            _at_hand(source.weights.url),
            metrics["ImageNet-1K"]["acc@1"],
        )


def _segmenters() -> Iterator[CatalogueEntry]:
    stored = embedded.embedded_file(default.WEIGHTS_FILE).is_file()
    yield CatalogueEntry(
        DEFAULT_SEGMENTER,
        "lraspp",
        "fbdeploy",
        default.INPUT_SPEC.height,
        "embedded" if stored else "none",
        task="segmentation",
    )
    for name in SEGMENTERS:
        published = torchvision_networks.published(name)
        yield CatalogueEntry(
            name,
            name.split("_")[0],
            "torchvision",
            torchvision_networks.input_spec(name).height,
            _at_hand(published.url),
            task="segmentation",
            published_miou=published.meta["_metrics"]["COCO-val2017-VOC-labels"]["miou"],
        )


def _at_hand(url: str | None) -> WeightsAtHand:
    if url is None:
        return "none"
    return "cached" if is_cached_url(url) else "download"
