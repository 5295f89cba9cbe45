"""Images and expected outputs are made once, and belong to a network, its program and its data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fbdeploy.pipeline.steps.checks import Checks
from fbdeploy.pipeline.work import WorkFolder


def test_images_and_outputs_are_made_once(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(5, 3, 4, 4)).astype(np.float32)
    checks = Checks(WorkFolder(tmp_path), "network", "photos")
    assert np.array_equal(checks.images(lambda: images), images)
    assert np.array_equal(checks.images(), images)
    program = tmp_path / "program"
    outputs = {"scores": images.mean((2, 3)), "file": images, "0": images[:, 0]}
    for run in (lambda: outputs, lambda: {"scores": images}, None):
        made = checks.outputs(program, run)
        assert list(made) == ["scores", "file", "0"]
        assert all(np.array_equal(made[name], outputs[name]) for name in outputs)


def test_what_was_made_of_other_images_is_not_taken(tmp_path: Path) -> None:
    images = np.zeros((1, 3, 2, 2), np.float32)
    work = WorkFolder(tmp_path)
    Checks(work, "network", "photos").images(lambda: images)
    Checks(work, "network", "photos").outputs(tmp_path, lambda: {"a": images})
    for other in (Checks(work, "another", "photos"), Checks(work, "network", "others")):
        with pytest.raises(FileNotFoundError):
            other.images()
        with pytest.raises(FileNotFoundError):
            other.outputs(tmp_path)
