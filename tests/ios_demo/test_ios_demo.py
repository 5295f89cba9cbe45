"""What a machine without Xcode can prove of ios_demo; its README lists what it cannot."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.apps.installing import IOS_FORMATS, install_bundle
from fbdeploy.apps.bundle_reading import read_bundle
from fbdeploy.apps.results import parse_app_results
from tests.detection_goldens import MADE_UP as BOXES
from tests.ios_demo.conftest import DETECTOR_NAME, GEOMETRY_NAME, SEGMENTER_NAME
from tests.made_up_bundles import SIZES as MADE_UP_SIZES
from tests.mask_goldens import MADE_UP
from tests.preprocessing_goldens import SIZES, SPECS

DEMO = Path(__file__).parents[2] / "ios_demo"
Swift = Callable[..., "subprocess.CompletedProcess[str]"]

TEST = ("swift", "test", "--package-path", "DemoCore")


def test_demo_core_repeats_python_on_the_goldens(
    swift: Swift, workspace: Path, bundle: Path
) -> None:
    folders = ["demo_bundle", *(f"preprocessing/{n}" for n in SPECS), SEGMENTER_NAME]
    folders += [DETECTOR_NAME, *(f"masks/{n}" for n in MADE_UP), *(f"boxes/{n}" for n in BOXES)]
    done = swift(workspace, *TEST, bundle=":".join(f"/src/{folder}" for folder in folders))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    images = len(read_bundle(bundle).golden.images)
    counts = {"demo_bundle": images, **dict.fromkeys(SPECS, len(SIZES))}
    counts |= dict.fromkeys(
        (SEGMENTER_NAME, DETECTOR_NAME, *MADE_UP, *BOXES), len(MADE_UP_SIZES)
    )
    for name, count in counts.items():
        assert f"goldens of {name}: {count} images, pixels within 0" in said
    cases = len(json.loads((workspace / GEOMETRY_NAME).read_text())["cases"])
    assert f"geometry: {cases} cases within" in said
    assert "skipped" not in said
    ran = re.search(r"Executed (\d+) tests, with 0 failures", said)
    assert ran and int(ran[1]) > 0
    result = re.search(r"^RESULT (.+)$", said, re.M)
    assert result
    results = parse_app_results(result[1], "DemoCore")
    assert results.platform == "ios"
    assert [run.compute_units for run in results.runs] == ["all", None]
    assert {run.threads for run in results.runs} == {None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mean", [0.3, 0.3, 0.3]),
        ("crop_pct", 0.9),
        ("interpolation", "bicubic"),
        ("crop_mode", "squash"),
    ],
)
def test_an_error_planted_in_the_configuration_is_caught(
    swift: Swift, workspace: Path, field: str, value: Any
) -> None:
    planted = workspace / f"planted-{field}"
    shutil.rmtree(planted, ignore_errors=True)
    shutil.copytree(workspace / "demo_bundle", planted)
    path = planted / "model_config.json"
    config = json.loads(path.read_text())
    assert config["input"][field] != value
    config["input"][field] = value
    path.write_text(json.dumps(config))
    one = ("--filter", "testSamePixelsSameTensorSameAnswers")
    done = swift(workspace, *TEST, *one, bundle=f"/src/{planted.name}")
    assert done.returncode != 0
    assert re.search(r"error: .*testSamePixelsSameTensorSameAnswers", done.stdout + done.stderr)


def test_a_turn_the_wrong_way_in_pythons_goldens_is_caught(swift: Swift, workspace: Path) -> None:
    path = workspace / GEOMETRY_NAME
    right = path.read_text()
    document = json.loads(right)
    case = next(case for case in document["cases"] if case["rotation"] == 90)
    case["rotation"] = 270
    try:
        path.write_text(json.dumps(document))
        one = ("--filter", "testEveryCornerGoesWherePythonSays")
        done = swift(workspace, *TEST, *one, bundle="/src/demo_bundle")
    finally:
        path.write_text(right)
    assert done.returncode != 0
    assert re.search(r"error: .*testEveryCornerGoesWherePythonSays", done.stdout + done.stderr)


def test_the_app_type_checks_against_stubs(swift: Swift) -> None:
    done = swift(DEMO, "sh", "ci/check_app.sh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the app and its benchmark type-check, without and with ExecuTorch" in done.stdout


def test_swift_style(swift: Swift) -> None:
    done = swift(DEMO, "swiftlint", "lint", "--strict", "--quiet", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_app_opens_no_connection() -> None:
    for path in (*DEMO.glob("Demo/*.swift"), *DEMO.glob("DemoCore/Sources/**/*.swift")):
        code = path.read_text()
        assert not re.search(r"URLSession|NWConnection|import Network|CFStream", code), path


def test_core_ml_models_take_and_give_what_the_configuration_says(bundle: Path) -> None:
    coremltools = pytest.importorskip("coremltools", reason="coremltools is not installed")
    read = read_bundle(bundle)
    models = [model for model in read.config.models if model.format == "coreml"]
    assert {"float32", "image"} == {model.input.dtype for model in models}
    for model in models:
        description = coremltools.utils.load_spec(str(bundle / model.file)).description
        (taken,), (output,) = description.input, model.outputs
        assert taken.name == model.input.name and output.name == "logits"
        if model.input.dtype == "image":
            picture = taken.type.imageType
            assert (1, 3, picture.height, picture.width) == model.input.shape
            assert picture.colorSpace == picture.ColorSpace.Value("RGB")
        else:
            float32 = coremltools.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
            assert tuple(taken.type.multiArrayType.shape) == model.input.shape
            assert taken.type.multiArrayType.dataType == float32
        (given,) = (one for one in description.output if one.name == output.stored)
        assert given.type.WhichOneof("Type") == "multiArrayType"
        shape = tuple(given.type.multiArrayType.shape)
        assert shape in ((), output.shape)
        assert output.shape == (1, len(read.labels))


def test_the_installed_bundle_has_only_models_the_app_runs(bundle: Path, tmp_path: Path) -> None:
    app = tmp_path / "ios_demo"
    (app / "Demo.xcodeproj").mkdir(parents=True)
    (app / "demo_bundle").mkdir()
    (app / "demo_bundle/README.md").write_text("stays")
    installed = read_bundle(install_bundle(bundle, app))
    assert (app / "demo_bundle/README.md").read_text() == "stays"
    assert installed.folder == app / "demo_bundle"
    assert {model.format for model in installed.config.models} <= set(IOS_FORMATS)
    known = {model.id for model in installed.config.models}
    assert known
    for image in installed.golden.images:
        assert {output.model for output in image.outputs} == known
