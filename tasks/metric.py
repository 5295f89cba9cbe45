"""What predictions are judged by, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A figure by which predictions are judged, a fraction of one; more is better.

    ``unit`` is how it is shown: ``percent``, or ``points`` for the hundredths that average
    precision and mean IoU are told in. ``tolerance`` is how far it may fall, a fraction of one,
    before an artefact is worse than float for those who ship it. ``kind`` is how an image counts:
    right or wrong (``binary``), with a value of which the mean is taken (``mean``), or as a part of
    what is computed of all images together (``corpus``). ``against`` is what predictions are held
    against: labels, or what the reference network answers; ``sentence`` tells a value of the latter
    in words, its two places being the value and the images. ``decides`` is whether an artefact is
    judged by it; where several decide, by the one that fell most.
    """

    name: str
    title: str
    unit: Literal["percent", "points"]
    tolerance: float
    kind: Literal["binary", "mean", "corpus"]
    against: Literal["labels", "reference"] = "labels"
    sentence: str = "the same answer on {} of {}"
    decides: bool = False
