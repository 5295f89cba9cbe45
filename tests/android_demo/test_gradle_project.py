"""What Gradle and Android Studio read, as far as it can be checked without them."""

from __future__ import annotations

import hashlib
import re
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "android_demo"
MODULES = ("core", "backend-ort", "backend-executorch", "backend-litert", "app")
ANDROID = "{http://schemas.android.com/apk/res/android}"
TOOLS = "{http://schemas.android.com/tools}"

WRAPPER = {
    # The wrapper of Gradle 9.4.1: the jar's and the distribution's hashes are those that Gradle
    # publishes (gradle.org/release-checksums).
    "gradle/wrapper/gradle-wrapper.jar": (
        "55243ef57851f12b070ad14f7f5bb8302daceeebc5bce5ece5fa6edb23e1145c"
    ),
    "gradlew": "aed171fb114f82e6eaea4970a245a200e0582a7dcc8ec0891ca41b6e4a62b754",
}
DISTRIBUTION = "2ab2958f2a1e51120c326cad6f385153bb11ee93b3c216c5fccebfdfbb7ec6cb"
GRADLE_OF_AGP = {"9.0": (9, 1), "9.1": (9, 3, 1), "9.2": (9, 4, 1), "9.4": (9, 6)}
"""The oldest Gradle that each plugin takes (developer.android.com/build/releases)."""


@pytest.fixture(scope="module")
def versions() -> dict[str, str]:
    catalog = tomllib.loads((DEMO / "gradle/libs.versions.toml").read_text())
    return dict(catalog["versions"])


def host_pins() -> dict[str, str]:
    """Exact versions of pyproject.toml, of all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return dict(line.split("==") for line in lines if "==" in line and "[" not in line)


@pytest.mark.parametrize("name", sorted(WRAPPER))
def test_the_wrapper_is_gradle_s_own(name: str) -> None:
    assert hashlib.sha256((DEMO / name).read_bytes()).hexdigest() == WRAPPER[name]


def test_the_wrapper_runs_and_fetches_a_gradle_that_the_plugin_takes(
    versions: dict[str, str],
) -> None:
    text = (DEMO / "gradle/wrapper/gradle-wrapper.properties").read_text()
    properties = dict(line.split("=", 1) for line in text.splitlines())
    assert properties["distributionSha256Sum"] == DISTRIBUTION
    assert properties["validateDistributionUrl"] == "true"
    url = properties["distributionUrl"].replace("\\", "")
    found = re.fullmatch(
        r"https://services\.gradle\.org/distributions/gradle-([\d.]+)-bin\.zip", url
    )
    assert found
    gradle = tuple(int(part) for part in found[1].split("."))
    plugin = ".".join(versions["agp"].split(".")[:2])
    assert gradle >= GRADLE_OF_AGP[plugin]
    assert (DEMO / "gradlew").stat().st_mode & 0o111
    with zipfile.ZipFile(DEMO / "gradle/wrapper/gradle-wrapper.jar") as jar:
        assert "org/gradle/wrapper/GradleWrapperMain.class" in jar.namelist()
    batch = (DEMO / "gradlew.bat").read_text()
    assert "gradle\\wrapper\\gradle-wrapper.jar" in batch


def test_the_libraries_are_of_the_host_s_versions(versions: dict[str, str]) -> None:
    """Models of one exporter, run by the runtime of the same release; a patch may differ."""
    pins = host_pins()
    for library, package in (
        ("onnxruntime", "onnxruntime"),
        ("executorch", "executorch"),
        ("litert", "ai-edge-litert"),
    ):
        ours, theirs = versions[library].split("."), pins[package].split(".")
        assert ours[:2] == theirs[:2], f"{library} {versions[library]}, host {pins[package]}"
    assert versions["executorch"] == pins["executorch"], "it has no other numbers"


def test_the_backend_tells_the_catalogue_s_version(versions: dict[str, str]) -> None:
    sources = (DEMO / "backend-executorch/src/main").rglob("*.kt")
    assert any(f'"{versions["executorch"]}"' in path.read_text() for path in sources)


def test_every_alias_and_module_that_gradle_files_name_exists() -> None:
    catalog = tomllib.loads((DEMO / "gradle/libs.versions.toml").read_text())
    for table in ("libraries", "plugins"):
        for entry in catalog[table].values():
            assert entry["version"]["ref"] in catalog["versions"]
    aliases = {name.replace("-", ".") for name in catalog["libraries"]}
    plugins = {name.replace("-", ".") for name in catalog["plugins"]}
    settings = (DEMO / "settings.gradle.kts").read_text()
    assert tuple(re.findall(r'":([\w-]+)"', settings)) == MODULES
    for module in MODULES:
        text = (DEMO / module / "build.gradle.kts").read_text()
        assert set(re.findall(r"[^\w]libs\.((?!plugins)[\w.]+)", text)) <= aliases
        assert set(re.findall(r"libs\.plugins\.([\w.]+)", text)) <= plugins
        assert set(re.findall(r'project\(":([\w-]+)"\)', text)) <= set(MODULES)
        rules = re.findall(r'consumerProguardFiles\("([^"]+)"\)', text)
        assert len(rules) == (1 if module.startswith("backend") else 0)
        assert all((DEMO / module / name).is_file() for name in rules)


def removed(manifest: ElementTree.Element) -> list[tuple[str, str]]:
    """Tag and name of what the manifest takes out of the libraries' manifests."""
    return [
        (element.tag, element.get(f"{ANDROID}name", ""))
        for element in manifest.iter()
        if element.get(f"{TOOLS}node") is not None
    ]


def test_only_what_reports_usage_is_removed_and_by_name(tools: Any) -> None:
    root = ElementTree.parse(DEMO / "app/src/main/AndroidManifest.xml").getroot()
    assert removed(root) == [
        ("uses-permission", "android.permission.INTERNET"),
        ("uses-permission", "android.permission.ACCESS_NETWORK_STATE"),
        ("provider", "ai.onnxruntime.TelemetryInitializer"),
    ]
    with zipfile.ZipFile(tools.ort_jar) as jar:
        assert "ai/onnxruntime/TelemetryInitializer.class" in jar.namelist()


def test_the_icon_is_adaptive() -> None:
    resources = DEMO / "app/src/main/res"
    root = ElementTree.parse(resources / "mipmap-anydpi-v26/icon.xml").getroot()
    assert root.tag == "adaptive-icon"
    assert [layer.tag for layer in root] == ["background", "foreground", "monochrome"]
    manifest = ElementTree.parse(DEMO / "app/src/main/AndroidManifest.xml").getroot()
    application = manifest.find("application")
    assert application is not None
    assert application.get(f"{ANDROID}icon") == "@mipmap/icon"


def test_both_orientations_have_the_same_views() -> None:
    resources = DEMO / "app/src/main/res"
    upright, wide = (
        sorted(element.get("layout", "") for element in tree.iter("include"))
        for tree in (
            ElementTree.parse(resources / folder / "main.xml")
            for folder in ("layout", "layout-land")
        )
    )
    assert upright == wide == ["@layout/panel", "@layout/picture"]


def test_everything_a_user_can_touch_has_a_name() -> None:
    """TalkBack reads a text or a description; fields that hold only numbers are set in code."""
    for path in sorted((DEMO / "app/src/main/res").glob("layout*/*.xml")):
        for element in ElementTree.parse(path).iter():
            if element.tag in ("Button", "Spinner", "SeekBar", "ImageView", "TextureView"):
                named = element.get(f"{ANDROID}text") or element.get(f"{ANDROID}contentDescription")
                assert named and named.startswith("@string/"), f"{path.name}: {element.attrib}"


def test_every_string_is_used_and_every_used_one_exists() -> None:
    main = DEMO / "app/src/main"
    strings = ElementTree.parse(main / "res/values/strings.xml").getroot()
    names = {element.get("name") for element in strings}
    texts = [path.read_text() for path in main.rglob("*") if path.suffix in (".kt", ".xml")]
    used = {
        name
        for text in texts
        for name in re.findall(r"(?:@string/|(?<!android\.)R\.string\.)(\w+)", text)
    }
    assert used == names
