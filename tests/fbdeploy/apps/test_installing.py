"""What of a bundle goes into which app."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fbdeploy.apps.bundle_reading import check_golden, read_bundle
from fbdeploy.apps.installing import ANDROID_FORMATS, IOS_FORMATS, install_bundle
from tests.trial_output import trial_output
from zoo.errors import InputError


def test_install_into_android_leaves_core_ml_out(tmp_path: Path) -> None:
    (tmp_path / "settings.gradle.kts").touch()
    target = install_bundle(trial_output(), tmp_path)
    assert target == tmp_path / "app/src/main/assets/demo_bundle"
    installed = read_bundle(target)
    formats = {model.format for model in installed.config.models}
    assert {"onnx", "executorch"} <= formats <= set(ANDROID_FORMATS)
    assert "uint8" in {model.input.dtype for model in installed.config.models}
    assert check_golden(installed) == []
    assert install_bundle(trial_output(), tmp_path) == target


def _ios(folder: Path) -> Path:
    (folder / "Demo.xcodeproj").mkdir(parents=True)
    return folder


def test_install_into_ios_keeps_pictures_and_what_takes_pixels(tmp_path: Path) -> None:
    target = install_bundle(trial_output(), _ios(tmp_path / "first"))
    path = target / "model_config.json"
    config = json.loads(path.read_text())
    (executorch,) = (model for model in config["models"] if model["id"] == "executorch-fp32")
    executorch["input"]["dtype"] = "uint8"
    path.write_text(json.dumps(config))
    installed = read_bundle(install_bundle(target, _ios(tmp_path / "second")))
    models = {model.id: model for model in installed.config.models}
    assert set(models) >= {"coreml-fp32", "coreml-int8", "coreml-int8-image", "executorch-fp32"}
    assert {model.format for model in models.values()} == set(IOS_FORMATS)
    assert models["executorch-fp32"].input.dtype == "uint8"
    picture = models["coreml-int8-image"]
    assert (picture.input.name, picture.input.dtype) == ("input", "image")
    # The class and the probabilities by class, which it also gives, are no tensors.
    assert [(o.name, o.stored, o.shape) for o in picture.outputs] == [("logits", "logits", (1, 10))]
    assert {o.model for image in installed.golden.images for o in image.outputs} == set(models)
    assert check_golden(installed) == []


def test_install_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither android_demo nor ios_demo"):
        install_bundle(trial_output(), tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        install_bundle(tmp_path, tmp_path)
