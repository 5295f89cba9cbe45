from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fbdeploy.latency.photo import preprocessing
from tests.fbdeploy.samples import sample
from zoo.errors import InputError

MANIFEST = sample()[0]


def test_a_photo_is_prepared_for_the_artefacts_network(tmp_path: Path) -> None:
    Image.new("RGB", (90, 60)).save(tmp_path / "a.png")
    spec = MANIFEST.input_spec
    prepared = preprocessing(tmp_path / "a.png", [MANIFEST])()
    assert isinstance(prepared, np.ndarray) and prepared.shape == (3, spec.height, spec.width)


def test_photos_that_cannot_be_used(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "eps.jpg", "EPS")
    Image.new("1", (1, 2_000_000)).save(tmp_path / "tall.png")
    (tmp_path / "text.jpg").write_text("no image")
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, said in {
        "eps.jpg": "not an image of the kinds JPEG",
        "tall.png": "too long for its width",
        "text.jpg": "not an image",
        "pipe.jpg": "pipe",
        "missing.jpg": "no such file",
    }.items():
        with pytest.raises(InputError) as error:
            preprocessing(tmp_path / name, [MANIFEST])
        text = str(error.value)
        assert text.startswith(f"--photo {tmp_path / name}: cannot be read (") and said in text
        assert "--skip-bad-images" not in text and len(text) <= 300
