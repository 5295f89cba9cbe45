"""Which int8 programs are told to be far from their float network."""

from __future__ import annotations

import pytest

from fbdeploy.pipeline.steps.fidelity import fidelity_of
from quantize.program import Summary


def _summary(sqnr_db: float, agreement: float, *, held_out: int = 128) -> Summary:
    return Summary("ptq", "ptq", 384, held_out, sqnr_db=sqnr_db, agreement=agreement)


@pytest.mark.parametrize(
    ("sqnr_db", "agreement", "passed"),
    [
        (39.8, 1.0, True),
        (15.8, 0.908, True),  # MobileNetV3-Small, ptq (benchmarks/real_photos)
        (15.0, 0.9, True),
        (14.9, 0.95, False),
        (4.9, 0.12, False),  # a concatenation clipped to its first part
        (-3.2, 0.034, False),
        (float("nan"), 0.9, False),
        (25.0, 0.3, False),  # logits that hardly differ between images
        (25.0, 0.45, True),  # 58 of 128 are not beyond chance fewer than half
    ],
)
def test_the_criterion(sqnr_db: float, agreement: float, passed: bool) -> None:
    assert fidelity_of(_summary(sqnr_db, agreement), "classification").passed is passed


def test_few_images_tell_little_of_agreement() -> None:
    assert fidelity_of(_summary(25.0, 0.375, held_out=16), "classification").passed
    assert not fidelity_of(_summary(25.0, 0.125, held_out=16), "classification").passed


def test_it_says_which_images_judged() -> None:
    found = fidelity_of(_summary(20.0, 0.9), "classification")
    assert (found.images, found.held_out) == (128, True)
    found = fidelity_of(_summary(20.0, 0.9, held_out=0), "classification")
    assert (found.images, found.held_out) == (384, False)


def test_logits_that_are_all_zero_have_no_ratio() -> None:
    found = fidelity_of(_summary(float("-inf"), 1.0), "classification")
    assert found.sqnr_db is None and not found.passed
