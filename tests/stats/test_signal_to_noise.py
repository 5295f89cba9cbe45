"""Signal-to-noise ratios by hand."""

from __future__ import annotations

import numpy as np
import pytest

from stats.signal_to_noise import sqnr_db


def test_by_hand() -> None:
    reference = np.array([[3.0, 4.0], [0.0, 0.0]])  # 25
    other = np.array([[3.0, 4.0], [0.3, 0.4]])  # 0.25 away
    assert sqnr_db(reference, other) == pytest.approx(20.0)
    assert sqnr_db(10 * reference, 10 * other) == pytest.approx(20.0)


def test_what_has_no_ratio() -> None:
    assert sqnr_db(np.ones(3), np.ones(3)) is None
    assert sqnr_db(np.zeros(3), np.ones(3)) is None
