"""What is listed of timm's and torchvision's networks, kept so that nobody waits for either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from zoo.files import atomic_file
from zoo.names import DETECTORS, SEGMENTERS, TORCHVISION
from zoo.outputs import TaskName

TABLE = "foreign_networks.json"
_TIMM_PATTERNS = ("fbnet*", "mobilenetv3_*", "tf_mobilenetv3_*", "tf_efficientnet_lite*")

# Top-1 on ImageNet in percent at the listed input size, from the model cards of huggingface.co/timm
# (fbnetc_100.rmsp_in1k, fbnetv3_b/d/g.ra2_in1k).
_TIMM_TOP1 = {"fbnetc_100": 75.12, "fbnetv3_b": 78.184, "fbnetv3_d": 78.658, "fbnetv3_g": 81.246}


@dataclass(frozen=True)
class ForeignNetwork:
    """A network of another package.

    ``input_size`` is in pixels, ``published_top1`` in percent on ImageNet, ``published_miou`` in
    points on the part of COCO val2017 that has Pascal VOC's classes, ``published_ap`` of boxes in
    points on COCO val2017. Its weights are in
    ``repository`` of Hugging Face's hub, else at ``url``.
    """

    name: str
    family: str
    source: Literal["timm", "torchvision"]
    input_size: int
    published_top1: float | None
    repository: str | None = None
    url: str | None = None
    task: TaskName = "classification"
    published_miou: float | None = None
    published_ap: float | None = None


@cache
def foreign_networks() -> tuple[ForeignNetwork, ...]:
    """The stored table: what the pinned versions of both packages say."""
    text = (resources.files("zoo") / TABLE).read_text(encoding="utf-8")
    return tuple(ForeignNetwork(**entry) for entry in json.loads(text))


def as_installed() -> Iterator[ForeignNetwork]:
    """The same, asked of the packages themselves."""
    yield from _timm()
    yield from _torchvision()
    yield from _segmenters()
    yield from _detectors()


def _timm() -> Iterator[ForeignNetwork]:
    import timm

    from zoo.sources.timm import TimmSource

    for name in timm.list_models(list(_TIMM_PATTERNS)):
        config = TimmSource(name).config
        yield ForeignNetwork(
            name,
            name.removeprefix("tf_").split("_")[0],
            "timm",
            config["input_size"][-1],
            _TIMM_TOP1.get(name),
            config.get("hf_hub_id") or None,
            config.get("url") or None,
        )


def _torchvision() -> Iterator[ForeignNetwork]:
    from zoo.sources.torchvision import TorchvisionSource

    for name in TORCHVISION:
        weights = TorchvisionSource(name).weights
        metrics: dict[str, Any] = weights.meta["_metrics"]
        yield ForeignNetwork(
            name,
            "resnet" if name.startswith("resnet") else "_".join(name.split("_")[:2]),
            "torchvision",
            weights.transforms().crop_size[0],
            metrics["ImageNet-1K"]["acc@1"],
            url=weights.url,
        )


def _segmenters() -> Iterator[ForeignNetwork]:
    from zoo.segmentation import torchvision_networks

    for name in SEGMENTERS:
        weights = torchvision_networks.published(name)
        metrics: dict[str, Any] = weights.meta["_metrics"]
        yield ForeignNetwork(
            name,
            name.partition("_")[0],
            "torchvision",
            torchvision_networks.input_spec(name).height,
            None,
            url=weights.url,
            task="segmentation",
            published_miou=metrics["COCO-val2017-VOC-labels"]["miou"],
        )


def _detectors() -> Iterator[ForeignNetwork]:
    import torchvision

    from zoo.detection import torchvision_detectors

    for name in DETECTORS:
        weights = torchvision.models.get_model_weights(name).DEFAULT
        yield ForeignNetwork(
            name,
            name.partition("_")[0].removesuffix("320"),
            "torchvision",
            torchvision_detectors.DETECTORS[name].side,
            None,
            url=weights.url,
            task="detection",
            published_ap=weights.meta["_metrics"]["COCO-val2017"]["box_map"],
        )


def main() -> None:
    """``python -m zoo.foreign_networks`` writes the table, after another version is pinned."""
    with atomic_file(Path(__file__).with_name(TABLE)) as temporary:
        entries = [asdict(network) for network in as_installed()]
        temporary.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
