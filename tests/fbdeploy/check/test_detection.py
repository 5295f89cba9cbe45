"""Regressions of an instance segmentor: of its boxes, and of its masks alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fbdeploy.check.baseline import Baseline, Parts, Record, ScoredImages
from fbdeploy.check.compare import compare_baselines
from fbdeploy.check.packing import pack_floats
from fbdeploy.check.render import as_text
from fbdeploy.check.rules import load_rules
from tasks.detection.average_precision import THRESHOLDS, AveragePrecision
from tasks.detection.contributions import to_rows
from tasks.detection.curves import RECALLS
from tests.fbdeploy.check.comparing import before
from tests.fbdeploy.samples import digest

__all__ = ["before"]

IMAGES = 60


def _rows(right: float, seed: int) -> NDArray[np.float64]:
    """Average precision of one class, an object and a detection an image: ``right`` of them are
    right at the loosest threshold, and ever fewer at stricter ones."""
    generator = np.random.default_rng(seed)
    ease = np.random.default_rng(0).uniform(0, 1, IMAGES)
    reach = right * 1.6 * (1 - ease) + generator.normal(0, 0.01, IMAGES)
    found = reach[None] > np.linspace(0, 1, len(THRESHOLDS))[:, None]
    order = np.argsort(ease, kind="stable")
    precision = AveragePrecision(
        THRESHOLDS,
        np.zeros(1, np.int64),
        np.ones((1, IMAGES), np.int64),
        order,
        np.zeros(IMAGES, np.int64),
        1 - ease[order],
        found[:, order],
        ~found[:, order],
    )
    assert 0.1 < precision.value() < 0.95 and len(RECALLS) == 101
    return to_rows(precision)


def _baseline(like: Baseline, box: NDArray[np.float64], mask: NDArray[np.float64]) -> Baseline:
    alike = np.tile([2.0, 4.0], (IMAGES, 1))
    kept = {"box_ap": box, "mask_ap": mask, "detection_agreement": alike}
    parts = {
        name: Parts(columns=values.shape[1], data=pack_floats(values))
        for name, values in kept.items()
    }
    record: Record = like.artefacts[0].model_copy(update={"parts": parts, "latencies": ()})
    data = ScoredImages(name="photos", images=IMAGES, sha256=digest("photos"), task="detection")
    return like.model_copy(update={"data": data, "artefacts": (record,)})


def test_masks_alone_can_be_a_regression(before: Baseline) -> None:
    then = _baseline(before, _rows(0.8, 1), _rows(0.8, 2))
    again = compare_baselines(then, _baseline(before, _rows(0.8, 3), _rows(0.8, 4)), load_rules())
    assert again.verdict == "PASS" and again.headline == "box AP"
    worse = compare_baselines(then, _baseline(before, _rows(0.8, 3), _rows(0.6, 4)), load_rules())
    assert worse.verdict == "REGRESSED"
    (artefact,) = worse.artefacts
    box, mask = (found for found in artefact.findings if found.measure == "accuracy")
    assert (box.subject, box.verdict) == ("", "PASS")
    assert (mask.subject, mask.verdict) == ("mask AP", "REGRESSED")
    assert "REGRESSED mask AP: " in as_text(worse)
