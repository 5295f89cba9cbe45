from __future__ import annotations

import numpy as np
import pytest

from stats.disturbance import judge_noise


@pytest.mark.parametrize(
    ("draw", "noisy"),
    [
        (lambda g: g.normal(5.0, 0.05, 300), False),
        (lambda g: 5 + g.gamma(2, 0.05, 300), False),
        (lambda g: g.lognormal(0.0, 0.03, 300), False),
        (lambda g: np.full(50, 5.0), False),
        (lambda g: np.linspace(5.0, 5.5, 300) + g.normal(0, 0.05, 300), True),
        (lambda g: g.permutation(np.r_[g.normal(5, 0.05, 180), g.normal(6, 0.05, 120)]), True),
        (lambda g: np.where(g.random(300) < 0.1, 12.0, 5.0) + g.normal(0, 0.02, 300), True),
    ],
    ids=["normal", "gamma", "lognormal", "constant", "drift", "two speeds", "hiccups"],
)
def test_noise_verdicts(draw: object, noisy: bool) -> None:
    generator = np.random.default_rng(7)
    verdicts = [judge_noise(draw(generator)).noisy for _ in range(100)]  # type: ignore[operator]
    assert np.mean(verdicts) >= 0.98 if noisy else np.mean(verdicts) <= 0.02


def test_noise_says_what_it_found() -> None:
    drift = judge_noise(np.linspace(5.0, 5.6, 90))
    assert drift.drift == pytest.approx(5.5 / 5.1 - 1, rel=0.02)
    assert "drifted by +7" in drift.reasons[0]
    modes = judge_noise(np.tile([5.0, 5.01, 4.99, 6.0, 6.01, 5.99], 20))
    assert modes.modes == 2
    outliers = judge_noise([5.0] * 9 + [10.0])
    assert outliers.outliers == pytest.approx(0.1)
    with pytest.raises(ValueError, match="say nothing"):
        judge_noise([1.0, 2.0])
