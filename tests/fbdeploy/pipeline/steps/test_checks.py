"""Images and expected logits are made once, and belong to a network, its program and its data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fbdeploy.pipeline.steps.checks import Checks
from fbdeploy.pipeline.work import WorkFolder


def test_images_and_logits_are_made_once(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(5, 3, 4, 4)).astype(np.float32)
    checks = Checks(WorkFolder(tmp_path), "network", "photos")
    assert np.array_equal(checks.images(lambda: images), images)
    assert np.array_equal(checks.images(), images)
    program = tmp_path / "program"
    made = checks.logits(program, lambda x: 2 * x.mean((2, 3)))
    assert made == pytest.approx(2 * images.mean((2, 3)), abs=1e-6)
    assert np.array_equal(checks.logits(program, lambda x: torch.zeros(5, 3)), made)
    assert np.array_equal(checks.logits(program), made)


def test_what_was_made_of_other_images_is_not_taken(tmp_path: Path) -> None:
    images = np.zeros((1, 3, 2, 2), np.float32)
    work = WorkFolder(tmp_path)
    Checks(work, "network", "photos").images(lambda: images)
    Checks(work, "network", "photos").logits(tmp_path, lambda x: x.mean((2, 3)))
    for other in (Checks(work, "another", "photos"), Checks(work, "network", "others")):
        with pytest.raises(FileNotFoundError):
            other.images()
        with pytest.raises(FileNotFoundError):
            other.logits(tmp_path)
