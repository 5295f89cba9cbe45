"""ImageNet-1k's class names and ids, as torchvision and timm carry them."""

from __future__ import annotations

from functools import cache

NUM_CLASSES = 1000


@cache
def class_names() -> tuple[str, ...]:
    """The 1000 class names in index order (torchvision's weights metadata)."""
    from torchvision.models import ResNet18_Weights

    return tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


@cache
def wordnet_ids() -> dict[str, int]:
    """WordNet id (``n01440764``) to class index (timm's table)."""
    from timm.data.imagenet_info import ImageNetInfo

    return {name: index for index, name in enumerate(ImageNetInfo("imagenet-1k").label_names())}
