"""What the demo apps take and give: the bundle, and their benchmark's results."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np

from benchmarks.fuzz.reader import Reader
from fbdeploy.apps.bundle_reading import check_golden, read_bundle
from fbdeploy.apps.installing import install_bundle
from fbdeploy.apps.results import import_results
from fbdeploy.records.bundle_schema import (
    BundleInput,
    BundleModel,
    BundleOutput,
    BundleTensor,
    Golden,
    GoldenImage,
    ModelConfig,
    OutputTolerance,
    Probe,
    Tolerance,
)
from fbdeploy.records.manifest import write_manifest
from tests.fbdeploy.apps.test_results import result
from tests.fbdeploy.samples import sample
from zoo.files import sha256_of

SIZE, GREY = 4, (0.5, 0.5, 0.5)


def _bundle(folder: Path) -> Path:
    """A whole bundle of two classes with one model, and an app to install it in."""
    bundle = folder / "bundle"
    (bundle / "models").mkdir(parents=True)
    model = bundle / "models/onnx-int8.onnx"
    model.write_bytes(b"model")
    (folder / "app").mkdir()
    (folder / "app/settings.gradle.kts").touch()
    pixels = base64.b64encode(np.full((SIZE, SIZE, 3), 128, np.uint8).tobytes()).decode()
    config = ModelConfig(
        network="tiny",
        task="classification",
        input=BundleInput(
            height=SIZE, width=SIZE, mean=GREY, std=GREY, crop_pct=1, interpolation="bilinear",
            crop_mode="center",
        ),
        num_classes=2,
        models=(
            BundleModel(
                id="onnx-int8", file="models/onnx-int8.onnx", format="onnx", precision="int8",
                sha256=sha256_of(model), bytes=5, input=BundleTensor(name="x", shape=(1, 3, 4, 4)),
                outputs=(BundleOutput(name="logits", stored="y", shape=(1, 2)),),
            ),
        ),
    )  # fmt: skip
    golden = Golden(
        network="tiny",
        tolerance=Tolerance(
            pixel=0, tensor=1e-5,
            outputs=(OutputTolerance(precision="int8", output="logits", max_abs=0.1),),
        ),
        images=(
            GoldenImage(
                name="grey", width=SIZE, height=SIZE, label=None, rgb=pixels, input_rgb=pixels,
                probes=(Probe(index=0, value=(128 / 255 - 0.5) / 0.5),), outputs=(),
            ),
        ),
    )  # fmt: skip
    (bundle / "model_config.json").write_text(config.model_dump_json())
    (bundle / "golden.json").write_text(golden.model_dump_json(by_alias=True))
    (bundle / "labels.txt").write_text("first\nsecond\n")
    return bundle


def _config(folder: Path) -> list[bytes]:
    return [(_bundle(folder) / "model_config.json").read_bytes()]


def _golden(folder: Path) -> list[bytes]:
    return [(_bundle(folder) / "golden.json").read_bytes()]


def _labels(folder: Path) -> list[bytes]:
    return [(_bundle(folder) / "labels.txt").read_bytes()]


def _results(folder: Path) -> list[bytes]:
    manifest = sample()[0]
    (folder / "out").mkdir()
    write_manifest(folder / "out", manifest)
    digest = next(one.sha256 for one in manifest.artefacts if one.format == "onnx")
    return [json.dumps(result(digest)).encode()]


def _install(path: Path) -> None:
    install_bundle(path.parent, path.parent.parent / "app")


def _check(path: Path) -> None:
    check_golden(read_bundle(path.parent))


def _import(path: Path) -> None:
    (path.parent / "out/results.jsonl").unlink(missing_ok=True)
    import_results(path, path.parent / "out")


READERS = (
    Reader("bundle, model_config.json", _config, "bundle/model_config.json", _install),
    Reader("bundle, golden.json", _golden, "bundle/golden.json", _check),
    Reader("bundle, labels.txt", _labels, "bundle/labels.txt", _install),
    Reader("app results", _results, "app.json", _import),
)
