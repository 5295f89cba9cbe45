"""Resources, dex and native libraries to a signed APK."""

from __future__ import annotations

import shutil
import struct
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Sequence
from pathlib import Path

from kotlin_tools import DEMO, HEAP, Tools, gradle_number, run

PACKAGE = "dev.fbdeploy.demo"
ANDROID = "{http://schemas.android.com/apk/res/android}"
TOOLS_NAMESPACE = "{http://schemas.android.com/tools}"
ABIS = ("arm64-v8a", "x86_64")
STORED = ("onnx", "pte", "tflite")
PAGE = 16384
"""Bytes: libraries are mapped from the APK, and some devices' pages are that large."""


def plain_manifest(target: Path) -> Path:
    """The manifest as Gradle's merger would leave it when no library adds anything."""
    ElementTree.register_namespace("android", ANDROID[1:-1])
    tree = ElementTree.parse(DEMO / "app/src/main/AndroidManifest.xml")
    root = tree.getroot()
    root.set("package", PACKAGE)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.get(f"{TOOLS_NAMESPACE}node") in ("remove", "removeAll"):
                parent.remove(child)
    tree.write(target, encoding="utf-8", xml_declaration=True)
    return target


def link_resources(tools: Tools, output: Path, assets: Path) -> Path:
    """Resources, assets and manifest to an APK without code, and R.java."""
    res, base = output / "res.zip", output / "base.apk"
    run(["aapt2", "compile", "--dir", DEMO / "app/src/main/res", "-o", res])
    numbers = {
        "--min-sdk-version": "minSdk",
        "--target-sdk-version": "targetSdk",
        "--version-code": "versionCode",
    }
    options = [part for flag, key in numbers.items() for part in (flag, gradle_number(key))]
    stored = [part for suffix in STORED for part in ("-0", f".{suffix}")]
    manifest = plain_manifest(output / "AndroidManifest.xml")
    run(
        ["aapt2", "link", "--debug-mode", "-I", tools.android_jar, "--manifest", manifest]
        + ["--version-name", "1.0", "--java", output / "gen", "-A", assets]
        + [*options, *stored, "-o", base, res]
    )
    return base


def d8(tools: Tools, target: Path, inputs: Sequence[Path]) -> Path:
    """Java bytecode, and dex files already made, to Dalvik's."""
    run(
        ["java", HEAP, "-cp", tools.folder / "d8.jar", "com.android.tools.r8.D8", "--debug"]
        + ["--min-api", gradle_number("minSdk"), "--lib", tools.android_jar]
        + ["--output", target, *inputs]
    )
    return target


def dex(tools: Tools, jars: Sequence[Path], output: Path) -> Path:
    """All code the APK needs; the libraries, which never change, are kept beside the tools."""
    libraries = tools.folder / f"libraries-{gradle_number('minSdk')}.zip"
    if not libraries.exists():
        partial = libraries.with_name("partial.zip")
        d8(tools, partial, [tools.ort_jar, tools.kotlin / "kotlin-stdlib.jar"]).rename(libraries)
    target = output / "dex"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return d8(tools, target, [*jars, libraries])


def align(source: Path, target: Path) -> Path:
    """Copy an APK with stored files at multiples of 4 bytes, libraries at multiples of a page.

    The extra field that pads an entry names its alignment, so that apksigner keeps it (0xd935 of
    Android's ZipFlinger and apksig).
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            copy = zipfile.ZipInfo(info.filename, info.date_time)
            copy.compress_type = info.compress_type
            copy.external_attr = info.external_attr
            if copy.compress_type == zipfile.ZIP_STORED:
                multiple = PAGE if info.filename.endswith(".so") else 4
                assert new.fp is not None
                start = new.fp.tell() + 30 + len(info.filename.encode()) + 6
                padding = -start % multiple
                copy.extra = struct.pack("<HHH", 0xD935, 2 + padding, multiple) + bytes(padding)
            new.writestr(copy, old.read(info))
    return target


def package(tools: Tools, base: Path, dexes: Path, output: Path) -> Path:
    """Add code and native libraries, align, sign with a throw-away key, verify."""
    unaligned, aligned = output / "unaligned.apk", output / "aligned.apk"
    signed = output / "demo-debug.apk"
    shutil.copyfile(base, unaligned)
    with zipfile.ZipFile(unaligned, "a") as apk:
        for path in sorted(dexes.glob("classes*.dex")):
            apk.write(path, path.name, zipfile.ZIP_DEFLATED)
        for abi in ABIS:
            for path in sorted((tools.folder / f"ort/aar/jni/{abi}").glob("*.so")):
                apk.write(path, f"lib/{abi}/{path.name}", zipfile.ZIP_STORED)
    align(unaligned, aligned)
    unaligned.unlink()
    key = output / "debug.keystore"
    if not key.exists():
        run(
            ["keytool", "-genkeypair", "-keystore", key, "-storepass", "android"]
            + ["-keypass", "android", "-alias", "debug", "-keyalg", "RSA", "-keysize", "2048"]
            + ["-validity", "10000", "-dname", "CN=debug"]
        )
    run(["apksigner", "sign", "--ks", key, "--ks-pass", "pass:android", "--out", signed, aligned])
    aligned.unlink()
    return signed


def shrink(
    tools: Tools,
    jars: Sequence[Path],
    libraries: Sequence[Path],
    rules: Sequence[Path],
    target: Path,
) -> Path:
    """What R8 leaves of a release build's code, as class files in a jar, given the keep rules."""
    entry = target.with_suffix(".pro")
    entry.write_text(
        f"-keep class {PACKAGE}.MainActivity {{ <init>(); }}\n"
        f"-keep class {PACKAGE}.BenchmarkActivity {{ <init>(); }}\n"
        "-dontwarn **\n"
    )
    options = [part for rule in [entry, *rules] for part in ("--pg-conf", rule)]
    options += [part for library in libraries for part in ("--lib", library)]
    run(
        ["java", HEAP, "-cp", tools.folder / "d8.jar", "com.android.tools.r8.R8", "--classfile"]
        + ["--release", *options, "--output", target, *jars]
    )
    return target
