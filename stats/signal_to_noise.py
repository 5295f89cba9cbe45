"""How large values are beside the error of others in their place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sqnr_db(reference: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Signal-to-quantization-noise ratio in dB, 10 log10(sum(ref^2) / sum((ref - other)^2)) of
    arrays of one shape; None where they are equal, or the reference is zero."""
    noise, signal = float(np.sum((reference - other) ** 2)), float(np.sum(reference**2))
    return float(10 * np.log10(signal / noise)) if noise > 0 and signal > 0 else None
