"""As accurate as float only where the images show it, and how many would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fbdeploy.records.results import ScoreInfo
from fbdeploy.report.verdict import MARGIN, images_needed, verdict_of
from stats.proportions import PairedOutcomes, wilson_interval
from tests.fbdeploy.report.test_recommend import row


def _scored(images: int, lost: int, won: int, precision: str = "int8") -> Any:
    """A row of ``images`` of which int8 got ``lost`` wrong and ``won`` right, against float."""
    right = int(0.8 * images)
    outcomes = PairedOutcomes(right - lost, won, lost, images - right - won)
    return row(
        f"onnx {precision}",
        images=images,
        difference=outcomes.difference,
        difference_interval=outcomes.difference_interval(),
        mcnemar_p=outcomes.mcnemar_p(),
        agreement=1 - (lost + won) / images,
    )


@pytest.mark.parametrize(
    ("images", "lost", "won", "verdict"),
    [
        (116, 3, 3, "unknown"),
        (116, 0, 0, "unknown"),
        (116, 1, 0, "unknown"),
        (116, 30, 0, "worse"),
        (2000, 5, 6, "accurate"),
        (2000, 60, 55, "unknown"),  # 0.25 points lost, but a point is not ruled out
        (2000, 60, 20, "worse"),
        (50_000, 1500, 1400, "accurate"),
        (10_000, 65, 10, "worse"),  # 0.55 points, and no chance
    ],
)
def test_the_verdict(images: int, lost: int, won: int, verdict: str) -> None:
    assert verdict_of(_scored(images, lost, won)) == verdict


def test_fp32_that_equals_float_needs_no_images() -> None:
    assert verdict_of(_scored(116, 0, 0, "fp32")) == "accurate"


@pytest.mark.parametrize(
    ("images", "agreement", "verdict"),
    [
        (116, 1.0, "unknown"),
        (2000, 0.995, "accurate"),
        (2000, 0.979, "unknown"),
        (2000, 0.95, "worse"),
        (50_000, 0.981, "accurate"),
    ],
)
def test_without_labels(images: int, agreement: float, verdict: str) -> None:
    found = row("onnx int8", difference=None, images=images, agreement=agreement)
    assert verdict_of(found) == verdict


def test_on_the_images_needed_the_same_artefact_is_found_accurate_most_times() -> None:
    """Simulated: four in five of artefacts that lose and win 3 of 116 each are told apart."""
    needed = images_needed(_scored(116, 3, 3))
    assert needed is not None
    rng = np.random.default_rng(0)
    shares = (0.8 - 3 / 116, 3 / 116, 3 / 116, 0.2 - 3 / 116)
    drawn = rng.multinomial(needed, shares, size=300)
    shown = [
        PairedOutcomes(both, won, lost, neither).difference_interval().low >= -MARGIN
        for both, won, lost, neither in drawn.tolist()
    ]
    interval = wilson_interval(sum(shown), len(shown))
    assert interval.high >= 0.75 and interval.low <= 0.92


def test_more_images_are_needed_than_there_are() -> None:
    for images, lost, won in ((116, 3, 3), (116, 1, 0), (2000, 60, 55), (2000, 12, 1)):
        found = _scored(images, lost, won)
        if verdict_of(found) == "unknown":
            assert (images_needed(found) or 0) > images


@pytest.mark.parametrize(
    ("box", "mask", "verdict"),
    [(0.0, 0.0, "accurate"), (0.0, -0.048, "worse"), (-0.02, 0.001, "worse")],
)
def test_of_boxes_and_masks_the_worse_decides(box: float, mask: float, verdict: str) -> None:
    scores = tuple(
        ScoreInfo(
            metric=name,
            value=0.6 + fallen,
            interval=(0.5, 0.7),
            reference=0.6,
            difference=fallen,
            difference_interval=(fallen - 0.002, fallen + 0.002),
            p=0.5 if abs(fallen) < 0.002 else 0.001,
        )
        for name, fallen in (("box_ap", box), ("mask_ap", mask))
    )
    found = _scored(2000, 0, 0)
    assert verdict_of(found.model_copy(update={"scores": scores})) == verdict
