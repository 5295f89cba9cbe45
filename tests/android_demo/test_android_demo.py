"""What a machine without Android can prove of android_demo; its README lists what it cannot."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fbdeploy.apps.demo_bundle import read_bundle
from fbdeploy.apps.results import read_app_results
from tests.preprocessing_goldens import SIZES, SPECS, write_preprocessing_goldens

DEMO = Path(__file__).parents[2] / "android_demo"
CORE_TESTS = ("dev.fbdeploy.core.CoreTest", "dev.fbdeploy.core.GoldenTest")
ORT_TESTS = ("dev.fbdeploy.backend.ort.OnnxRuntimeTest",)

# Our classes' references that API 23's android.jar lacks, with the API level that has them. D8
# replaces those marked 0. minSdk is 26.
NEWER_APIS = {
    "android.media.ExifInterface": 24,
    "java.lang.Double.hashCode": 24,
    "java.lang.Float.hashCode": 24,
    "java.lang.Integer.hashCode": 24,
    "java.lang.Math.floorMod": 24,
    "java.util.Optional": 24,
    "java.time": 26,
    "java.util.Base64": 26,
    "java.lang.invoke": 0,
}
# Called only behind a check of SDK_INT.
GUARDED_APIS = {"android.os.PowerManager.getCurrentThermalStatus": 29}


def junit(builder: ModuleType, tools: Any, built: Path, bundles: list[Path], names: Any) -> str:
    code, said = builder.run_tests(tools, built, bundles, names)
    assert code == 0, said
    return str(said)


def test_kotlin_core_repeats_python_on_the_goldens(
    builder: ModuleType, tools: Any, built: Path, bundle: Path, tmp_path: Path
) -> None:
    bundles = [bundle, *write_preprocessing_goldens(tmp_path)]
    said = junit(builder, tools, built, bundles, CORE_TESTS)
    images = len(read_bundle(bundle).golden.images)
    for name, count in {"demo_bundle": images, **dict.fromkeys(SPECS, len(SIZES))}.items():
        assert f"goldens of {name}: {count} images, pixels within 0" in said
    ran = re.search(r"OK \((\d+) tests\)", said)
    assert ran and int(ran[1]) >= 20


def test_the_app_s_onnxruntime_code_ranks_as_python(
    builder: ModuleType, tools: Any, built: Path, bundle: Path
) -> None:
    said = junit(builder, tools, built, [bundle], ORT_TESTS)
    count = len(read_bundle(bundle).golden.images)
    for precision in ("fp32", "int8"):
        assert re.search(rf"onnx-{precision}\S* .*top five equal on {count}/{count} images", said)


def test_the_app_s_result_file_is_valid(
    builder: ModuleType, tools: Any, built: Path, bundle: Path
) -> None:
    (built / "app_result.json").unlink(missing_ok=True)
    junit(builder, tools, built, [bundle], ORT_TESTS)
    results = read_app_results(built / "app_result.json")
    assert results.platform == "android"
    assert {run.precision for run in results.runs} >= {"fp32", "int8"}
    assert all(run.golden.top_equal == run.golden.images for run in results.runs)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mean", [0.3, 0.3, 0.3]),
        ("std", [0.35, 0.36, 0.35]),
        ("crop_pct", 0.9),
        ("interpolation", "bicubic"),
        ("crop_mode", "squash"),
    ],
)
def test_an_error_planted_in_the_configuration_is_caught(
    builder: ModuleType,
    tools: Any,
    built: Path,
    bundle: Path,
    tmp_path: Path,
    field: str,
    value: Any,
) -> None:
    for name in ("labels.txt", "golden.json"):
        shutil.copy(bundle / name, tmp_path)
    config = json.loads((bundle / "model_config.json").read_text())
    assert config["input"][field] != value
    config["input"][field] = value
    (tmp_path / "model_config.json").write_text(json.dumps(config))
    code, said = builder.run_tests(tools, built, [tmp_path], ["dev.fbdeploy.core.GoldenTest"])
    assert code != 0
    assert "samePixelsSameTensorSameTopFive" in said


def test_the_badging_says_what_the_app_is(built: Path) -> None:
    badging = (built / "badging.txt").read_text()
    assert "package: name='dev.fbdeploy.demo'" in badging
    assert "sdkVersion:'26'" in badging
    assert "targetSdkVersion:'36'" in badging
    assert "launchable-activity: name='dev.fbdeploy.demo.MainActivity'" in badging
    assert "native-code: 'arm64-v8a' 'x86_64'" in badging
    assert "application-debuggable" in badging


def test_the_only_permission_is_the_camera(built: Path) -> None:
    badging = (built / "badging.txt").read_text()
    assert re.findall(r"^uses-permission.*name='([^']+)'", badging, re.M) == [
        "android.permission.CAMERA"
    ]


def test_the_manifest_has_no_provider_and_guards_the_benchmark(built: Path) -> None:
    tree = subprocess.run(
        ["aapt", "dump", "xmltree", str(built / "demo-debug.apk"), "AndroidManifest.xml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "E: provider" not in tree
    assert "INTERNET" not in tree
    after = tree[tree.index(".BenchmarkActivity") :]
    assert "android.permission.DUMP" in after


def test_gradle_removes_what_libraries_would_add() -> None:
    manifest = (DEMO / "app/src/main/AndroidManifest.xml").read_text()
    flat = re.sub(r"\s+", " ", manifest)
    assert '<provider tools:node="removeAll" />' in flat
    for name in ("INTERNET", "ACCESS_NETWORK_STATE"):
        assert f'android:name="android.permission.{name}" tools:node="remove"' in flat


def test_the_apk_is_signed_and_aligned(built: Path) -> None:
    signature = (built / "signature.txt").read_text()
    assert "Verifies" in signature
    assert "v2 scheme (APK Signature Scheme v2): true" in signature
    apk = built / "demo-debug.apk"
    with zipfile.ZipFile(apk) as archive, apk.open("rb") as stream:
        stored = [info for info in archive.infolist() if info.filename.endswith((".so", ".arsc"))]
        assert stored
        for info in stored:
            assert info.compress_type == zipfile.ZIP_STORED, info.filename
            stream.seek(info.header_offset + 26)
            name, extra = struct.unpack("<HH", stream.read(4))
            start = info.header_offset + 30 + name + extra
            assert start % (4096 if info.filename.endswith(".so") else 4) == 0, info.filename


def test_the_apk_carries_the_bundle_and_the_runtime(built: Path, bundle: Path) -> None:
    with zipfile.ZipFile(built / "demo-debug.apk") as apk:
        names = set(apk.namelist())
        config = json.loads(apk.read("assets/demo_bundle/model_config.json"))
        for model in config["models"]:
            assert apk.getinfo(f"assets/demo_bundle/{model['file']}").compress_type == 0
        dexes = [name for name in names if re.fullmatch(r"classes\d*\.dex", name)]
        code = b"".join(apk.read(name) for name in dexes)
    assert {model["format"] for model in config["models"]} <= {"onnx", "executorch", "litert"}
    for abi in ("arm64-v8a", "x86_64"):
        assert {f"lib/{abi}/libonnxruntime.so", f"lib/{abi}/libonnxruntime4j_jni.so"} <= names
    for name in ("MainActivity", "BenchmarkActivity", "CameraSource"):
        assert f"Ldev/fbdeploy/demo/{name};".encode() in code
    assert b"Lorg/pytorch/executorch/Module;" in code  # referenced; the library is Gradle's


def test_no_android_api_is_newer_than_allowed(built: Path) -> None:
    text = (built / "missing.txt").read_text()
    missing = set(re.findall(r"Missing (?:class|method|field) (?:\S+ )?([\w.$]+)", text))
    assert "java.time.Instant" in missing, "TraceReferences found nothing, so it did not work"
    allowed = tuple(NEWER_APIS | GUARDED_APIS)
    assert [name for name in sorted(missing) if not name.startswith(allowed)] == []
    assert max(NEWER_APIS.values()) <= 26


def test_kotlin_style(tools: Any) -> None:
    done = subprocess.run(
        [str(tools.folder / "ktlint"), "**/*.kt", "**/*.kts"],
        cwd=DEMO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_gradle_s_versions_are_those_ci_has(tools: Any) -> None:
    catalog = (DEMO / "gradle/libs.versions.toml").read_text()
    with zipfile.ZipFile(tools.ort_jar) as jar:
        assert "ai/onnxruntime/OrtEnvironment.class" in jar.namelist()
    library = (tools.folder / "ort/desktop/libonnxruntime.so").read_bytes()
    version = re.search(r'onnxruntime = "([\d.]+)"', catalog)
    assert version and version[1].encode() in library
    backend = (DEMO / "backend-executorch/src/main").rglob("*.kt")
    executorch = re.search(r'executorch = "([\d.]+)"', catalog)
    assert executorch and any(f'"{executorch[1]}"' in path.read_text() for path in backend)


def test_the_yuv_expectations_of_the_kotlin_test_are_pillow_s() -> None:
    source = (DEMO / "core/src/test/kotlin/dev/fbdeploy/core/CoreTest.kt").read_text()
    pattern = r"listOf\((\d+), (\d+), (\d+)\) to listOf\((\d+), (\d+), (\d+)\)"
    rows = np.array(re.findall(pattern, source), int)
    assert len(rows) >= 5
    for row in rows:
        image = Image.new("YCbCr", (1, 1), tuple(int(value) for value in row[:3]))
        assert image.convert("RGB").getpixel((0, 0)) == tuple(row[3:])
