"""What detectors are judged by."""

from __future__ import annotations

from tasks.metric import Metric

BOX_AP = Metric("box_ap", "box AP", "points", 0.008, "corpus", decides=True)
BOX_AP50 = Metric("box_ap50", "box AP50", "points", 0.008, "corpus")
BOX_AP75 = Metric("box_ap75", "box AP75", "points", 0.01, "corpus")
MASK_AP = Metric("mask_ap", "mask AP", "points", 0.008, "corpus", decides=True)
MASK_AP50 = Metric("mask_ap50", "mask AP50", "points", 0.008, "corpus")
AGREEMENT = Metric(
    "detection_agreement",
    "agreement",
    "percent",
    0.06,
    "corpus",
    against="reference",
    sentence="{} of the detections alike on {}",
)
METRICS = (BOX_AP, BOX_AP50, BOX_AP75, MASK_AP, MASK_AP50, AGREEMENT)
