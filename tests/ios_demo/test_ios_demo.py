"""What a machine without Xcode can prove of ios_demo; its README lists what it cannot."""

from __future__ import annotations

import json
import plistlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.apps.demo_bundle import IOS_FORMATS, install_bundle, read_bundle
from fbdeploy.apps.results import parse_app_results
from tests.preprocessing_goldens import SIZES, SPECS

DEMO = Path(__file__).parents[2] / "ios_demo"
Swift = Callable[..., "subprocess.CompletedProcess[str]"]

TEST = ("swift", "test", "--package-path", "DemoCore")


def test_demo_core_repeats_python_on_the_goldens(
    swift: Swift, workspace: Path, bundle: Path
) -> None:
    bundles = [f"/src/{name}" for name in ("demo_bundle", *(f"preprocessing/{n}" for n in SPECS))]
    done = swift(workspace, *TEST, bundle=":".join(bundles))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    images = len(read_bundle(bundle).golden.images)
    for name, count in {"demo_bundle": images, **dict.fromkeys(SPECS, len(SIZES))}.items():
        assert f"goldens of {name}: {count} images, pixels within 0" in said
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
    one = ("--filter", "testSamePixelsSameTensorSameTopFive")
    done = swift(workspace, *TEST, *one, bundle=f"/src/{planted.name}")
    assert done.returncode != 0
    assert re.search(r"error: .*testSamePixelsSameTensorSameTopFive", done.stdout + done.stderr)


def test_the_app_type_checks_against_stubs(swift: Swift) -> None:
    done = swift(DEMO, "sh", "ci/check_app.sh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the app type-checks, without and with ExecuTorch" in done.stdout


def test_swift_style(swift: Swift) -> None:
    done = swift(DEMO, "swiftlint", "lint", "--strict", "--quiet", "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_project_file_says_what_xcode_needs(tools: Path) -> None:
    program = (
        "import sys, json; sys.path.insert(0, sys.argv[1]);"
        "from openstep_parser import OpenStepDecoder;"
        "print(json.dumps(OpenStepDecoder.ParseFromString(open(sys.argv[2]).read())))"
    )
    path = DEMO / "Demo.xcodeproj/project.pbxproj"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tools / "python"), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    project = json.loads(done.stdout)
    objects = project["objects"]
    assert project["objectVersion"] == "77"
    assert not [
        key for key in re.findall(r"\bFB[0-9A-F]{22}\b", path.read_text()) if key not in objects
    ]
    kinds = {entry["isa"] for entry in objects.values()}
    assert "PBXFileSystemSynchronizedRootGroup" in kinds
    (package,) = [
        entry for entry in objects.values() if entry["isa"] == "XCLocalSwiftPackageReference"
    ]
    assert (DEMO / package["relativePath"] / "Package.swift").exists()
    (target,) = [entry for entry in objects.values() if entry["isa"] == "PBXNativeTarget"]
    products = [objects[key]["productName"] for key in target["packageProductDependencies"]]
    assert products == ["DemoCore"]
    settings = [
        entry["buildSettings"]
        for entry in objects.values()
        if entry["isa"] == "XCBuildConfiguration"
    ]
    assert {entry.get("IPHONEOS_DEPLOYMENT_TARGET", "17.0") for entry in settings} == {"17.0"}
    (info,) = {entry["INFOPLIST_FILE"] for entry in settings if "INFOPLIST_FILE" in entry}
    assert (DEMO / info).exists()
    resources = [
        objects[objects[file]["fileRef"]]["path"]
        for entry in objects.values()
        if entry["isa"] == "PBXResourcesBuildPhase"
        for file in entry["files"]
    ]
    assert resources == ["demo_bundle"]
    assert (DEMO / "demo_bundle").is_dir()


def test_the_plists_are_plists() -> None:
    info = plistlib.loads((DEMO / "Info.plist").read_bytes())
    assert "never leave" in info["NSCameraUsageDescription"]
    assert info["UIFileSharingEnabled"] is True
    assert "NSPhotoLibraryUsageDescription" not in info, "the picker needs no permission"
    privacy = plistlib.loads((DEMO / "Demo/PrivacyInfo.xcprivacy").read_bytes())
    assert privacy["NSPrivacyTracking"] is False
    assert privacy["NSPrivacyCollectedDataTypes"] == []
    for path in (DEMO / "Demo/Assets.xcassets").rglob("Contents.json"):
        json.loads(path.read_text())


def test_the_app_opens_no_connection() -> None:
    for path in (*DEMO.glob("Demo/*.swift"), *DEMO.glob("DemoCore/Sources/**/*.swift")):
        code = path.read_text()
        assert not re.search(r"URLSession|NWConnection|import Network|CFStream", code), path


def test_core_ml_models_take_and_give_what_the_configuration_says(bundle: Path) -> None:
    coremltools = pytest.importorskip("coremltools", reason="coremltools is not installed")
    read = read_bundle(bundle)
    models = [model for model in read.config.models if model.format == "coreml"]
    assert models
    for model in models:
        description = coremltools.utils.load_spec(str(bundle / model.file)).description
        (taken,), (given,) = description.input, description.output
        assert taken.name == model.input.name
        assert tuple(taken.type.multiArrayType.shape) == model.input.shape
        float32 = coremltools.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
        assert taken.type.multiArrayType.dataType == float32
        assert given.name == model.output.name
        assert given.type.WhichOneof("Type") == "multiArrayType"
        shape = tuple(given.type.multiArrayType.shape)
        assert shape in ((), model.output.shape)
        assert model.output.shape == (1, len(read.labels))


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
