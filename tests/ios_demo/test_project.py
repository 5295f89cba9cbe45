"""The Xcode project of ios_demo hangs together: its files are read as Xcode reads them."""

from __future__ import annotations

import json
import os
import plistlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

DEMO = Path(__file__).parents[2] / "ios_demo"
PROJECT = DEMO / "Demo.xcodeproj"
ALL_TURNS = {"Portrait", "PortraitUpsideDown", "LandscapeLeft", "LandscapeRight"}


@pytest.fixture(scope="module")
def project(tools: Path) -> dict[str, Any]:
    program = (
        "import sys, json; sys.path.insert(0, sys.argv[1]);"
        "from openstep_parser import OpenStepDecoder;"
        "print(json.dumps(OpenStepDecoder.ParseFromString(open(sys.argv[2]).read())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tools / "python"), str(PROJECT / "project.pbxproj")],
        capture_output=True,
        text=True,
        check=True,
    )
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def _of_kind(project: dict[str, Any], isa: str) -> list[dict[str, Any]]:
    return [entry for entry in project["objects"].values() if entry["isa"] == isa]


def test_the_project_file_says_what_xcode_needs(project: dict[str, Any]) -> None:
    objects = project["objects"]
    text = (PROJECT / "project.pbxproj").read_text()
    assert project["objectVersion"] == "77"
    assert not [key for key in re.findall(r"\bFB[0-9A-F]{22}\b", text) if key not in objects]
    assert _of_kind(project, "PBXFileSystemSynchronizedRootGroup")
    (package,) = _of_kind(project, "XCLocalSwiftPackageReference")
    assert (DEMO / package["relativePath"] / "Package.swift").exists()
    (target,) = _of_kind(project, "PBXNativeTarget")
    products = [objects[key]["productName"] for key in target["packageProductDependencies"]]
    assert products == ["DemoCore"]
    (resources,) = _of_kind(project, "PBXResourcesBuildPhase")
    paths = [objects[objects[file]["fileRef"]]["path"] for file in resources["files"]]
    assert paths == ["demo_bundle"]
    assert (DEMO / "demo_bundle").is_dir()


def test_the_settings_are_the_same_in_both_configurations(project: dict[str, Any]) -> None:
    (target,) = _of_kind(project, "PBXNativeTarget")
    configurations = project["objects"][target["buildConfigurationList"]]["buildConfigurations"]
    debug, release = (project["objects"][key]["buildSettings"] for key in configurations)
    assert debug == release
    assert debug["SWIFT_VERSION"] == "6.0"
    assert debug["TARGETED_DEVICE_FAMILY"] == "1,2"
    assert (DEMO / debug["INFOPLIST_FILE"]).exists()
    # Everyone's own, so that no team has to rename the app before it can be signed.
    assert debug["PRODUCT_BUNDLE_IDENTIFIER"] == "dev.fbdeploy.demo$(SAMPLE_CODE_DISAMBIGUATOR)"
    assert debug["SAMPLE_CODE_DISAMBIGUATOR"] == "$(DEVELOPMENT_TEAM)"
    settings = [entry["buildSettings"] for entry in _of_kind(project, "XCBuildConfiguration")]
    assert {entry.get("IPHONEOS_DEPLOYMENT_TARGET", "17.0") for entry in settings} == {"17.0"}


def test_the_shared_scheme_runs_the_optimized_app(project: dict[str, Any]) -> None:
    scheme = ElementTree.parse(PROJECT / "xcshareddata/xcschemes/Demo.xcscheme").getroot()
    for action in ("LaunchAction", "ProfileAction", "ArchiveAction"):
        found = scheme.find(action)
        assert found is not None
        assert found.get("buildConfiguration") == "Release", action
    (key,) = [k for k, v in project["objects"].items() if v["isa"] == "PBXNativeTarget"]
    references = list(scheme.iter("BuildableReference"))
    assert len(references) == 3
    for reference in references:
        assert reference.get("BlueprintIdentifier") == key
        assert reference.get("BuildableName") == "Demo.app"
        assert reference.get("ReferencedContainer") == "container:Demo.xcodeproj"
    ignored = (DEMO / ".gitignore").read_text().split()
    assert "xcuserdata/" in ignored
    assert not [line for line in ignored if "xcshareddata" in line or "xcscheme" in line]


def test_the_build_records_which_packages_it_took(project: dict[str, Any], tmp_path: Path) -> None:
    (phase,) = _of_kind(project, "PBXShellScriptBuildPhase")
    (target,) = _of_kind(project, "PBXNativeTarget")
    assert project["objects"][target["buildPhases"][-1]] == phase
    environment = {
        "PATH": os.environ["PATH"],
        "SRCROOT": str(DEMO),
        "PROJECT_FILE_PATH": str(tmp_path / "Demo.xcodeproj"),
        "TARGET_BUILD_DIR": str(tmp_path),
        "UNLOCALIZED_RESOURCES_FOLDER_PATH": "Demo.app",
    }
    (tmp_path / "Demo.app").mkdir()
    command = [phase["shellPath"], "-c", phase["shellScript"]]
    subprocess.run(command, env=environment, check=True)
    assert not list((tmp_path / "Demo.app").iterdir())
    folder = tmp_path / "Demo.xcodeproj/project.xcworkspace/xcshareddata/swiftpm"
    folder.mkdir(parents=True)
    (folder / "Package.resolved").write_text("{}")
    subprocess.run(command, env=environment, check=True)
    assert (tmp_path / "Demo.app/Package.resolved").read_text() == "{}"
    (folder / "Package.resolved").unlink()
    subprocess.run(command, env=environment, check=True)
    assert not list((tmp_path / "Demo.app").iterdir())


def test_the_plists_are_plists() -> None:
    info = plistlib.loads((DEMO / "Info.plist").read_bytes())
    assert "never leave" in info["NSCameraUsageDescription"]
    assert info["UIFileSharingEnabled"] is True
    assert "NSPhotoLibraryUsageDescription" not in info, "the picker needs no permission"
    phone = {name.removeprefix("UIInterfaceOrientation") for name in info[_ORIENTATIONS]}
    tablet = {name.removeprefix("UIInterfaceOrientation") for name in info[f"{_ORIENTATIONS}~ipad"]}
    assert phone == ALL_TURNS - {"PortraitUpsideDown"}
    assert tablet == ALL_TURNS, "an iPad that shares its screen asks for all of them"
    privacy = plistlib.loads((DEMO / "Demo/PrivacyInfo.xcprivacy").read_bytes())
    assert privacy["NSPrivacyTracking"] is False
    assert privacy["NSPrivacyCollectedDataTypes"] == []


_ORIENTATIONS = "UISupportedInterfaceOrientations"


def test_the_icon_is_what_apple_asks_for() -> None:
    folder = DEMO / "Demo/Assets.xcassets/AppIcon.appiconset"
    (entry,) = json.loads((folder / "Contents.json").read_text())["images"]
    icon = Image.open(folder / entry["filename"])
    assert f"{icon.width}x{icon.height}" == entry["size"] == "1024x1024"
    assert icon.mode == "RGB", "an icon with transparency is refused"
    assert len(icon.getcolors() or []) == 2
    json.loads((folder.parent / "Contents.json").read_text())
