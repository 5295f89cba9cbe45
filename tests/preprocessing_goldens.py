"""Goldens of every way to pre-process, for the apps: the embedded network has but one.

Each is a demo bundle without models; ``zoo.preprocess``, which tests/zoo holds against timm, is
the reference.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fbdeploy.apps.bundle_files import GOLDEN_NAME, LABELS_NAME
from fbdeploy.apps.goldens import (
    PIXEL_TOLERANCE,
    TENSOR_TOLERANCE,
    golden_image,
    reference_card,
)
from fbdeploy.records.bundle_schema import CONFIG_NAME, BundleInput, Golden, ModelConfig, Tolerance
from zoo.datasets import Sample
from zoo.input_spec import InputSpec

IMAGENET = InputSpec(height=96, width=96)
SPECS = {
    "bicubic-875": replace(IMAGENET, crop_pct=0.875, interpolation="bicubic"),
    "bilinear-whole": replace(IMAGENET, crop_pct=1.0, interpolation="bilinear"),
    "nearest": replace(IMAGENET, crop_pct=0.9, interpolation="nearest"),
    "squash": replace(IMAGENET, crop_pct=0.95, crop_mode="squash"),
    "border": replace(IMAGENET, crop_pct=0.9, crop_mode="border", interpolation="bicubic"),
    "letterbox": replace(IMAGENET, width=80, crop_pct=1.0, crop_mode="letterbox"),
    "oblong": replace(IMAGENET, height=64, width=112, crop_pct=0.875, interpolation="bicubic"),
    "upright-border": replace(IMAGENET, height=112, width=64, crop_mode="border"),
}
"""By name; between them every interpolation, crop mode and shape of the contract."""

SIZES = ((211, 157), (90, 303), (40, 33), (1, 7), (301, 1), (96, 96))
"""Of the pictures, width and height: oblong both ways, smaller than the input, extreme, equal."""


def write_preprocessing_goldens(folder: Path) -> list[Path]:
    """A bundle for each of ``SPECS`` below ``folder``, in their order."""
    cards = [
        Sample(
            reference_card(max(width, 12), max(height, 12)).resize((width, height)),
            None,
            f"{width}x{height}",
        )
        for width, height in SIZES
    ]
    bundles = []
    for name, spec in SPECS.items():
        bundle = folder / name
        bundle.mkdir(parents=True)
        config = ModelConfig(
            network=name,
            task="classification",
            input=BundleInput(
                height=spec.height,
                width=spec.width,
                mean=spec.mean,
                std=spec.std,
                crop_pct=spec.crop_pct,
                interpolation=spec.interpolation,
                crop_mode=spec.crop_mode,
            ),
            num_classes=1,
            models=(),
        )
        golden = Golden(
            network=name,
            tolerance=Tolerance(pixel=PIXEL_TOLERANCE, tensor=TENSOR_TOLERANCE, outputs=()),
            images=tuple(golden_image(card, spec) for card in cards),
        )
        (bundle / LABELS_NAME).write_text("only\n")
        (bundle / CONFIG_NAME).write_text(config.model_dump_json(indent=1))
        (bundle / GOLDEN_NAME).write_text(golden.model_dump_json(by_alias=True))
        bundles.append(bundle)
    return bundles
