"""What classifiers are judged by."""

from __future__ import annotations

from tasks.metric import Metric

TOP1 = Metric("top1", "top-1", "percent", 0.005, "binary", decides=True)
TOP5 = Metric("top5", "top-5", "percent", 0.005, "binary")
AGREEMENT = Metric(
    "agreement",
    "agreement",
    "percent",
    0.02,
    "binary",
    against="reference",
    sentence="the same class on {} of {}",
)
METRICS = (TOP1, TOP5, AGREEMENT)
