"""Class names of published detectors."""

from __future__ import annotations

from functools import cache


@cache
def coco_labels() -> tuple[str, ...]:
    """The 80 categories of COCO in the order of their ids, as torchvision's weights name them."""
    from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights

    names = SSDLite320_MobileNet_V3_Large_Weights.COCO_V1.meta["categories"]
    return tuple(name for name in names if name not in ("__background__", "N/A"))
