"""What can be chosen of a detector, told without importing torch, which takes two seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Norm = Literal["BN", "SyncBN", "naiveSyncBN", "GN", "folded"]
"""``BN``: statistics of each process's own batch. ``SyncBN``: of all processes' samples
(torch.nn.SyncBatchNorm, on GPUs only). ``naiveSyncBN``: the mean of the processes' statistics,
whatever their batches' sizes. ``GN``: of groups of channels of each picture. ``folded``: none, as
in weights whose normalization was folded into convolutions, which have biases then.

At inference the first three are the same and fold into the convolution before them; GN depends on
the picture and stays."""

SWEEPS = 16
"""Enough for the random cases of tests/zoo/detection/test_suppression.py: up to 400 boxes in 5 to
44 clusters. ``benchmarks/detection`` tells what the proposals of photos need."""


@dataclass(frozen=True)
class DetectionRule:
    """Which boxes are detections.

    Of all pairs of box and class with a score above ``lowest`` the ``candidates`` best go into
    suppression at ``threshold`` within their class, and of what it keeps the ``most`` best are
    detections. With fewer candidates than pairs above ``lowest`` the result may differ from
    suppression among all of them. Boxes are left out whose shorter side is below ``smallest``
    pixels.
    """

    lowest: float = 0.05
    threshold: float = 0.5
    most: int = 100
    candidates: int = 300
    smallest: float = 0.0
    sweeps: int = SWEEPS
