"""All fuzzed readers; a new group is one file in ``readers/`` and one line here."""

from __future__ import annotations

from benchmarks.fuzz.reader import Reader
from benchmarks.fuzz.readers import apps, arrays, deployments, images, masks, settings, weights

READERS: tuple[Reader, ...] = (
    *deployments.READERS,
    *arrays.READERS,
    *settings.READERS,
    *apps.READERS,
    *weights.READERS,
    *images.READERS,
    *masks.READERS,
)
