"""Artefacts that give the class of each pixel, asked with what is asked of those with logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from export.format_info import CLASSES
from runtime_bench.runtimes.base import Answering, Session
from runtime_bench.runtimes.ports import FloatArray


def gives_classes(session: Session) -> bool:
    """Whether the only output is the class of each pixel (``export.output_forms``)."""
    return session.output_names == (CLASSES,)


def for_logits(session: Session, answering: Answering, count: int) -> Answering:
    """``answering``, which asks ``session``, for who wants logits of ``count`` classes."""
    return OneHot(answering, count) if gives_classes(session) else answering


@dataclass(frozen=True)
class OneHot:
    """A session that gives classes 0..``count`` - 1, (N, H, W), for who wants logits: 1 for a
    pixel's class, 0 for the others. Of a class beyond there is no 1."""

    session: Answering
    count: int

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """float32 (N, ``count``, H, W) by the name ``logits``."""
        found = self.session.run(batch)[CLASSES]
        hot = found[:, None] == np.arange(self.count, dtype=np.float32).reshape(1, -1, 1, 1)
        return {"logits": hot.astype(np.float32)}
