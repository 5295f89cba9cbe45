from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fbdeploy.apps.bundle_reading import Bundle, bundled_model, check_golden, read_bundle
from fbdeploy.apps.demo_bundle import write_bundle
from fbdeploy.apps.goldens import (
    golden_samples,
    reference_card,
)
from fbdeploy.apps.installing import install_bundle
from fbdeploy.apps.write_schemas import write_schemas
from fbdeploy.records.builds import BUILDS, precision_of, program_of
from fbdeploy.records.manifest import read_manifest, write_manifest
from tests.trial_output import trial_output
from zoo.dataset_names import TEST
from zoo.datasets import open_dataset
from zoo.errors import InputError
from zoo.input_spec import InputSpec
from zoo.preprocess import preprocess

SCHEMAS = Path(__file__).parents[3] / "fbdeploy/apps/schemas"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(trial_output())


@pytest.fixture
def copy(bundle: Bundle, tmp_path: Path) -> Path:
    """A bundle to spoil; its models are hard links."""
    target = tmp_path / "demo_bundle"
    shutil.copytree(bundle.folder, target, copy_function=_link)
    for name in ("model_config.json", "golden.json", "labels.txt"):
        (target / name).unlink()
        shutil.copy(bundle.folder / name, target)
    return target


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def test_the_bundle_holds_every_runnable_artefact(bundle: Bundle) -> None:
    assert {model.format for model in bundle.config.models} >= {"onnx", "coreml", "executorch"}
    assert {"fp32", "int8"} <= {model.precision for model in bundle.config.models}
    assert len({model.id for model in bundle.config.models}) == len(bundle.config.models)
    assert len(bundle.labels) == bundle.config.num_classes == 10
    for model in bundle.config.models:
        assert (bundle.folder / model.file).exists()
        assert model.input.shape == (1, 3, 64, 64)
    pixels = {model.id: model.input.dtype for model in bundle.config.models}
    assert pixels["onnx-int8-uint8"] == "uint8" and pixels["coreml-int8-image"] == "image"
    others = set(pixels) - {"onnx-int8-uint8", "coreml-int8-image"}
    assert {pixels[identity] for identity in others} == {"float32"}


def test_the_goldens_span_the_data_and_a_larger_oblong_picture(bundle: Bundle) -> None:
    images = bundle.golden.images
    small = [image for image in images if (image.width, image.height) == (28, 28)]
    assert len(small) >= 8
    assert len({image.label for image in small}) >= 4
    assert any(image.width > 64 < image.height != image.width for image in images)


def test_golden_pixels_are_what_pillow_makes_of_them(bundle: Bundle) -> None:
    # The embedded default takes the whole square picture, so Pillow alone is the reference.
    for image in bundle.golden.images:
        if image.width != image.height:
            continue
        raw = np.frombuffer(base64.b64decode(image.rgb), np.uint8).reshape(28, 28, 3)
        resized = Image.fromarray(raw, "RGB").resize((64, 64), Image.Resampling.BILINEAR)
        assert base64.b64decode(image.input_rgb) == resized.tobytes()


def test_golden_tensors_pin_every_channel(bundle: Bundle) -> None:
    plane = 64 * 64
    for image in bundle.golden.images:
        assert {probe.index // plane for probe in image.probes} == {0, 1, 2}
        pixels = np.frombuffer(base64.b64decode(image.input_rgb), np.uint8).reshape(-1, 3)
        for probe in image.probes:
            channel, place = divmod(probe.index, plane)
            value = (pixels[place, channel] / 255 - 0.2860) / 0.3530
            assert probe.value == pytest.approx(value, abs=1e-5)


def test_golden_logits_are_those_of_the_model_in_its_runtime(bundle: Bundle) -> None:
    import onnxruntime

    model = next(entry for entry in bundle.config.models if entry.id == "onnx-fp32")
    session = onnxruntime.InferenceSession(str(bundle.folder / model.file))
    image = bundle.golden.images[0]
    pixels = np.frombuffer(base64.b64decode(image.input_rgb), np.uint8).reshape(64, 64, 3)
    tensor = ((pixels / 255 - 0.2860) / 0.3530).astype(np.float32).transpose(2, 0, 1)[None]
    (logits,) = session.run(None, {model.input.name: tensor})
    output = next(entry for entry in image.outputs if entry.model == model.id)
    assert [(o.name, o.stored, o.shape) for o in model.outputs] == [("logits", "logits", (1, 10))]
    (values,) = output.values
    found = np.frombuffer(base64.b64decode(values.float32), "<f4")
    assert values.name == "logits" and np.allclose(logits[0], found, atol=1e-3)
    top = output.answer.top
    assert [ranked.class_index for ranked in top] == np.argsort(-logits[0])[:5].tolist()
    softmax = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert top[0].probability == pytest.approx(softmax.max(), abs=1e-4)


def test_python_agrees_with_its_own_goldens(bundle: Bundle) -> None:
    assert check_golden(bundle) == []


def _swapped(image: Image.Image, spec: InputSpec) -> NDArray[np.float32]:
    red, green, blue = image.split()
    return preprocess(Image.merge("RGB", (blue, green, red)), spec)


def _aliased(image: Image.Image, spec: InputSpec) -> NDArray[np.float32]:
    """OpenCV's and PyTorch's bilinear: no antialiasing."""
    import torch
    from torch.nn.functional import interpolate

    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = np.asarray(image.crop((left, top, left + side, top + side)), np.float32)
    planes = torch.from_numpy(square).permute(2, 0, 1)[None]
    resized = interpolate(planes, size=(spec.height, spec.width), mode="bilinear")[0].numpy()
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (spec.mean, spec.std))
    return np.asarray((resized / 255 - mean) / std, np.float32)


def _unnormalized(image: Image.Image, spec: InputSpec) -> NDArray[np.float32]:
    return preprocess(image, InputSpec(spec.height, spec.width, (0, 0, 0), (1, 1, 1), 1.0))


def _shifted(image: Image.Image, spec: InputSpec) -> NDArray[np.float32]:
    return np.roll(preprocess(image, spec), 1, axis=2)


@pytest.mark.parametrize("broken", [_swapped, _aliased, _unnormalized, _shifted])
def test_an_error_planted_in_python_s_preprocessing_is_caught(bundle: Bundle, broken: Any) -> None:
    assert any("reference-card" in failure for failure in check_golden(bundle, broken))


@pytest.mark.parametrize(
    ("field", "value"),
    [("mean", [0.3, 0.3, 0.3]), ("crop_pct", 0.9), ("interpolation", "bicubic")],
)
def test_an_error_planted_in_the_configuration_is_caught(
    copy: Path, field: str, value: Any
) -> None:
    _edit(copy / "model_config.json", lambda config: config["input"].update({field: value}))
    assert check_golden(read_bundle(copy)) != []


def _edit(path: Path, change: Any) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda config: config.update(schema_version=1), "schema_version"),
        (lambda config: config.update(extra=1), "extra"),
        (lambda config: config["input"].pop("mean"), "input: mean is missing"),
        (lambda config: config["input"].update(crop_pct=0), "input.crop_pct"),
        (lambda config: config["models"][0].update(format="torchscript"), "models.0.format"),
    ],
)
def test_a_configuration_outside_the_schema_is_refused(copy: Path, change: Any, named: str) -> None:
    _edit(copy / "model_config.json", change)
    with pytest.raises(InputError, match=named) as error:
        read_bundle(copy)
    assert "\n" not in str(error.value)


def test_a_changed_or_missing_model_is_refused(copy: Path, bundle: Bundle) -> None:
    model = copy / next(m.file for m in bundle.config.models if m.format == "onnx")
    model.unlink()
    with pytest.raises(InputError, match="missing"):
        read_bundle(copy)
    model.write_bytes(b"another model")
    with pytest.raises(InputError, match="not the model"):
        read_bundle(copy)


def test_labels_must_fit(copy: Path) -> None:
    (copy / "labels.txt").write_text("one\n")
    with pytest.raises(InputError, match="1 lines for 10 classes"):
        read_bundle(copy)


def test_golden_images_that_cannot_be_read_are_left_out_where_asked(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    (tmp_path / "c.png").write_text("no image")
    with pytest.raises(InputError, match=r"c\.png"):
        golden_samples(open_dataset(tmp_path, labelled=False), 3)
    dataset = open_dataset(tmp_path, labelled=False, skip_bad_images=True)
    names = [sample.name for sample in golden_samples(dataset, 3)]
    assert names == ["a.png", "b.png", "reference-card"]
    assert list(dataset.skipped) == [str(tmp_path / "c.png")]


def test_write_needs_artefacts_and_images(tmp_path: Path) -> None:
    samples = golden_samples(open_dataset(TEST), 1)
    with pytest.raises(InputError, match=r"manifest\.json"):
        write_bundle(tmp_path, samples)
    manifest = json.loads((trial_output() / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="golden images"):
        write_bundle(tmp_path, [])
    with pytest.raises(InputError, match="not on the disk"):
        write_bundle(tmp_path, samples)
    assert not (tmp_path / "demo_bundle").exists()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest | {"artefacts": []}))
    with pytest.raises(InputError, match="no artefact the apps can run"):
        write_bundle(tmp_path, samples)


def test_every_precision_of_the_manifest_goes_into_the_apps(tmp_path: Path) -> None:
    """One model under the names of all: what is tested is that none is unknown on the way."""
    manifest = read_manifest(trial_output())
    onnx = next(entry for entry in manifest.artefacts if entry.path == "int8/model.onnx")
    folder, artefacts = tmp_path / "out", []
    for build in BUILDS:
        path = f"{build}/model.onnx"
        (folder / build).mkdir(parents=True)
        shutil.copyfile(trial_output() / onnx.path, folder / path)
        parts = {"precision": precision_of(build), "program": program_of(build)}
        artefacts.append(onnx.model_copy(update={**parts, "path": path}))
    write_manifest(folder, manifest.model_copy(update={"artefacts": tuple(artefacts)}))
    write_bundle(folder, golden_samples(open_dataset(TEST), 1))
    app = tmp_path / "android_demo"
    app.mkdir()
    (app / "settings.gradle.kts").touch()
    installed = read_bundle(install_bundle(folder, app))
    assert {model.id for model in installed.config.models} == {f"onnx-{build}" for build in BUILDS}
    tolerances = {entry.precision: entry.max_abs for entry in installed.golden.tolerance.outputs}
    assert tolerances["fp32"] < tolerances["fp16"] < tolerances["int8"]
    for build in BUILDS:
        model = bundled_model(folder, folder / build / "model.onnx")
        assert model.id == f"onnx-{build}"
        assert (model.precision, model.program) == (precision_of(build), program_of(build))


def test_the_reference_card_never_changes() -> None:
    first, second = reference_card(), reference_card()
    assert first.tobytes() == second.tobytes()
    assert len({band.tobytes() for band in first.split()}) == 3


def test_the_published_schemas_are_current(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text() for path in SCHEMAS.glob("*.json")}
