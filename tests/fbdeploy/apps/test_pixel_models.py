"""Goldens of models that take pixels: what the apps hand over, and what is answered to it."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from numpy.typing import NDArray

from fbdeploy.apps.bundle_reading import Bundle, read_bundle
from fbdeploy.apps.goldens import outputs_of
from fbdeploy.records.bundle_schema import BundleModel, GoldenImage
from runtime_bench.runtimes import runtime_of
from tests.trial_output import trial_output

FLOATS = {"onnx-int8-uint8": "onnx-int8", "coreml-int8-image": "coreml-int8"}
"""Models that take pixels, and the same with values in."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(trial_output())


def _answers(bundle: Bundle, image: GoldenImage) -> dict[str, NDArray[np.float32]]:
    return {
        output.model: outputs_of(output, _model(bundle, output.model))["logits"]
        for output in image.outputs
    }


def _model(bundle: Bundle, identity: str) -> BundleModel:
    return next(model for model in bundle.config.models if model.id == identity)


def test_they_answer_to_the_golden_pictures_own_bytes(bundle: Bundle) -> None:
    """``input_rgb`` in planes, not normalized."""
    import onnxruntime

    images = bundle.golden.images[-2:]
    given = [np.frombuffer(base64.b64decode(image.input_rgb), np.uint8) for image in images]
    planes = np.ascontiguousarray(np.stack(given).reshape(-1, 64, 64, 3).transpose(0, 3, 1, 2))
    expected = _answers(bundle, images[1])
    tensors = _model(bundle, "onnx-int8-uint8")
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(bundle.folder / tensors.file), options)
    (logits,) = session.run(None, {tensors.input.name: planes[1:]})
    assert np.allclose(logits, expected[tensors.id], atol=1e-3)
    pictures = _model(bundle, "coreml-int8-image")
    path = bundle.folder / pictures.file
    pictured = runtime_of(path).load(path, 1).run(planes.astype(np.float32))["logits"]
    assert np.allclose(pictured[1:], expected[pictures.id], atol=1e-3)
    # Not by chance: the other picture's answer is another one.
    assert not np.allclose(pictured[:1], expected[pictures.id], atol=0.1)


def test_photos_get_the_answers_of_floats_within_the_apps_tolerance(bundle: Bundle) -> None:
    (allowed,) = (o.max_abs for o in bundle.golden.tolerance.outputs if o.precision == "int8")
    for image in bundle.golden.images[:-1]:  # the last is the reference card
        answers = _answers(bundle, image)
        for pixels, floats in FLOATS.items():
            assert np.abs(answers[pixels] - answers[floats]).max() <= allowed
