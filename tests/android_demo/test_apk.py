"""The APK that CI builds: manifest, native libraries, code, and the APIs it calls."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

# Our classes' references that API 23's android.jar lacks, with the API level that has them. D8
# replaces those marked 0. minSdk is 26.
NEWER_APIS = {
    "android.media.ExifInterface": 24,
    "java.lang.Boolean.hashCode": 24,
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


def test_the_manifest_guards_what_others_could_reach(built: Path) -> None:
    tree = subprocess.run(
        ["aapt", "dump", "xmltree", str(built / "demo-debug.apk"), "AndroidManifest.xml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "INTERNET" not in tree
    assert tree.count("E: provider") == 1
    provider = tree[tree.index("E: provider") :]
    assert ".ShareProvider" in provider
    assert re.search(r"exported\(0x\w+\)=\(type 0x12\)0x0", provider)
    assert "screenOrientation" not in tree
    after = tree[tree.index(".BenchmarkActivity") :]
    assert "android.permission.DUMP" in after


def test_the_apk_is_signed(built: Path) -> None:
    signature = (built / "signature.txt").read_text()
    assert "Verifies" in signature
    assert "v2 scheme (APK Signature Scheme v2): true" in signature


def test_the_libraries_fit_devices_with_pages_of_16_kib(
    built: Path, inspection: ModuleType
) -> None:
    libraries = inspection.native_libraries(built / "demo-debug.apk")
    assert {library.name.split("/")[1] for library in libraries} == {"arm64-v8a", "x86_64"}
    assert len(libraries) == 4
    assert [library for library in libraries if not library.fits(16384)] == []


def test_a_library_for_small_pages_would_be_seen(
    built: Path, inspection: ModuleType, tmp_path: Path
) -> None:
    with zipfile.ZipFile(built / "demo-debug.apk") as apk:
        elf = bytearray(apk.read("lib/arm64-v8a/libonnxruntime4j_jni.so"))
    (table,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    load = next(
        table + index * size
        for index in range(count)
        if struct.unpack_from("<I", elf, table + index * size)[0] == 1
    )
    struct.pack_into("<Q", elf, load + 48, 4096)
    with zipfile.ZipFile(tmp_path / "small.apk", "w") as apk:
        apk.writestr("lib/arm64-v8a/libsmall.so", bytes(elf))
    (library,) = inspection.native_libraries(tmp_path / "small.apk")
    assert library.segments == 4096
    assert not library.fits(16384)
    # It lies right behind its header, at no page's start.
    assert not library.fits(4096)


def test_resources_are_stored_aligned(built: Path, inspection: ModuleType) -> None:
    apk = built / "demo-debug.apk"
    with zipfile.ZipFile(apk) as archive, apk.open("rb") as stream:
        stored = [info for info in archive.infolist() if info.compress_type == zipfile.ZIP_STORED]
        assert "resources.arsc" in {info.filename for info in stored}
        for info in stored:
            stream.seek(info.header_offset)
            offset = inspection.data_offset(info.header_offset, stream.read(30))
            assert offset % 4 == 0, info.filename


def test_shrinking_keeps_what_jni_names(builder: ModuleType, built: Path, tools: Any) -> None:
    """R8 with the modules' keep rules; without them it would drop what only JNI reaches."""
    with zipfile.ZipFile(builder.shrink_release(tools, built)) as jar:
        kept = set(jar.namelist())
    with zipfile.ZipFile(tools.ort_jar) as jar:
        wanted = {name for name in jar.namelist() if name.endswith(".class")}
    assert wanted <= kept
    for name in ("executorch/Module", "executorch/Tensor", "executorch/EValue"):
        assert f"org/pytorch/{name}.class" in kept
    assert "org/tensorflow/lite/Interpreter.class" in kept
    # It did its work: what no rule keeps has another name, or is gone.
    assert "dev/fbdeploy/demo/MainActivity.class" in kept
    assert "dev/fbdeploy/core/FrameGeometry.class" not in kept


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
    for name in ("MainActivity", "BenchmarkActivity", "CompareActivity", "CameraSource"):
        assert f"Ldev/fbdeploy/demo/{name};".encode() in code
    assert b"Lorg/pytorch/executorch/Module;" in code  # referenced; the library is Gradle's


def test_no_android_api_is_newer_than_allowed(built: Path) -> None:
    text = (built / "missing.txt").read_text()
    missing = set(re.findall(r"Missing (?:class|method|field) (?:\S+ )?([\w.$]+)", text))
    assert "java.time.Instant" in missing, "TraceReferences found nothing, so it did not work"
    allowed = tuple(NEWER_APIS | GUARDED_APIS)
    assert [name for name in sorted(missing) if not name.startswith(allowed)] == []
    assert max(NEWER_APIS.values()) <= 26
