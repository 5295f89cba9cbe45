"""What segmenters are judged by."""

from __future__ import annotations

from tasks.metric import Metric

MIOU = Metric("miou", "mIoU", "points", 0.005, "corpus", decides=True)
PIXEL_ACCURACY = Metric("pixel_accuracy", "pixel accuracy", "percent", 0.005, "corpus")
PIXEL_AGREEMENT = Metric(
    "pixel_agreement",
    "pixel agreement",
    "percent",
    0.02,
    "mean",
    against="reference",
    sentence="the same class on {} of the pixels of {}",
)
METRICS = (MIOU, PIXEL_ACCURACY, PIXEL_AGREEMENT)
