"""Compiles, tests, packages and inspects the app with what tools.sh fetched, without Gradle.

    python android_demo/ci/build.py --bundle OUT --output build/android

Every step is the one Gradle would make: modules in their order, each seeing only what it may.
Differences from a Gradle build are listed in ../README.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEMO = Path(__file__).parents[1]
ROOT = DEMO.parent
PACKAGE = "dev.fbdeploy.demo"
ANDROID = "{http://schemas.android.com/apk/res/android}"
TOOLS_NAMESPACE = "{http://schemas.android.com/tools}"
ABIS = ("arm64-v8a", "x86_64")
JUNIT = [Path("/usr/share/java/junit4.jar"), Path("/usr/share/java/hamcrest-core.jar")]
STORED = ("onnx", "pte", "tflite")


@dataclass(frozen=True)
class Tools:
    """What tools.sh left behind."""

    folder: Path

    @property
    def ready(self) -> bool:
        """Whether the set-up ran to its end."""
        return (self.folder / "stamp").exists()

    @property
    def android_jar(self) -> Path:
        """The framework of API 23."""
        return self.folder / "android-23.jar"

    @property
    def ort_jar(self) -> Path:
        """The classes of onnxruntime's AAR."""
        return self.folder / "ort/aar/classes.jar"

    @property
    def kotlin(self) -> Path:
        """The folder of Kotlin's libraries."""
        return self.folder / "kotlin/lib"

    def kotlinc(self, target: Path, sources: Sequence[Path], classpath: Sequence[Path]) -> Path:
        """Compile Kotlin, warnings as errors, to a jar or a folder of classes."""
        joined = ":".join(str(path) for path in classpath)
        language = gradle_kotlin()
        options = ["-language-version", language, "-api-version", language, "-jvm-target", "11"]
        options += ["-Werror"] + (["-cp", joined] if joined else [])
        run([self.folder / "kotlin/bin/kotlinc", *options, "-d", target, *sources])
        return target

    def stub_jar(self, output: Path, name: str) -> Path:
        """The signature stubs of ci/stubs/NAME."""
        classes = self.javac(output / f"stubs-{name}", DEMO / f"ci/stubs/{name}")
        shutil.make_archive(str(classes), "zip", classes)
        return classes.with_suffix(".zip").rename(classes.with_suffix(".jar"))

    def javac(self, target: Path, sources: Path) -> Path:
        """Compile a tree of Java."""
        run(["javac", "--release", "11", "-d", target, *sorted(sources.rglob("*.java"))])
        return target


def run(command: Sequence[object], **options: object) -> str:
    """Output of a command; its errors are shown and end the build."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words[:4])} ...\n{done.stdout}{done.stderr}")
    return str(done.stdout + done.stderr)


@dataclass(frozen=True)
class Classes:
    """Compiled modules, and the signatures they were compiled against."""

    core: Path
    ort: Path
    others: Path
    library_stubs: Path
    platform_stubs: Path


def compile_modules(tools: Tools, output: Path) -> Classes:
    """core, then each backend against core and its own library (stubs where CI has none)."""
    core = tools.kotlinc(output / "core.jar", [DEMO / "core/src/main"], [])
    ort = tools.kotlinc(
        output / "backend-ort.jar", [DEMO / "backend-ort/src/main"], [core, tools.ort_jar]
    )
    stubs = tools.stub_jar(output, "libraries")
    platform = tools.stub_jar(output, "platform")
    others = tools.kotlinc(
        output / "backend-others.jar",
        [DEMO / "backend-executorch/src/main", DEMO / "backend-litert/src/main"],
        [core, stubs],
    )
    return Classes(core, ort, others, stubs, platform)


def compile_tests(tools: Tools, classes: Classes, output: Path) -> Path:
    """core's unit tests, and the onnxruntime backend's, which need the desktop library of ci."""
    libraries = [tools.kotlin / "kotlin-test.jar", tools.kotlin / "kotlin-test-junit.jar", *JUNIT]
    return tools.kotlinc(
        output / "tests.jar",
        [DEMO / "core/src/test", DEMO / "ci/desktop"],
        [classes.core, classes.ort, tools.ort_jar, *libraries],
    )


def run_tests(
    tools: Tools, output: Path, bundles: Sequence[Path], names: Sequence[str]
) -> tuple[int, str]:
    """Run JUnit classes; returns JUnit's exit code and what it printed.

    The models of the first bundle are run; the others only pin ways of pre-processing.
    """
    libraries = ["kotlin-stdlib.jar", "kotlin-test.jar", "kotlin-test-junit.jar"]
    jars = [output / name for name in ("core.jar", "backend-ort.jar", "tests.jar")]
    jars += [tools.ort_jar, *(tools.kotlin / name for name in libraries), *JUNIT]
    command = [
        "java",
        "-cp",
        ":".join(str(jar) for jar in jars),
        f"-XX:ErrorFile={output / 'java-crash.log'}",
        f"-Donnxruntime.native.path={tools.folder / 'ort/desktop'}",
        f"-Dfbdeploy.bundle={':'.join(str(bundle) for bundle in bundles)}",
        f"-Dfbdeploy.result={output / 'app_result.json'}",
        "org.junit.runner.JUnitCore",
        *names,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


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


def gradle_kotlin() -> str:
    """The language of Gradle's Kotlin, such as 2.2: this compiler is newer and would take more."""
    text = (DEMO / "gradle/libs.versions.toml").read_text(encoding="utf-8")
    match = re.search(r'^kotlin = "(\d+\.\d+)', text, re.MULTILINE)
    if match is None:
        raise SystemExit("gradle/libs.versions.toml: no version of Kotlin")
    return match[1]


def gradle_number(name: str) -> str:
    """An integer setting of app/build.gradle.kts."""
    text = (DEMO / "app/build.gradle.kts").read_text(encoding="utf-8")
    match = re.search(rf"\b{name} = (\d+)", text)
    if match is None:
        raise SystemExit(f"app/build.gradle.kts: no {name}")
    return match[1]


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


def compile_app(tools: Tools, classes: Classes, output: Path) -> Path:
    """The activities against API 23 and stubs of what is newer."""
    r_classes = tools.javac(output / "r", output / "gen")
    jars = [
        classes.platform_stubs,
        tools.android_jar,
        r_classes,
        classes.core,
        classes.ort,
        classes.others,
    ]
    app = tools.kotlinc(output / "app.jar", [DEMO / "app/src/main/kotlin"], jars)
    with zipfile.ZipFile(app, "a") as archive:
        for path in sorted(r_classes.rglob("*.class")):
            archive.write(path, path.relative_to(r_classes))
    return app


def d8(tools: Tools, target: Path, inputs: Sequence[Path]) -> Path:
    """Java bytecode, and dex files already made, to Dalvik's."""
    run(
        ["java", "-Xmx2g", "-cp", tools.folder / "d8.jar", "com.android.tools.r8.D8", "--debug"]
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


def missing_references(tools: Tools, jars: Sequence[Path], app_jars: Sequence[Path]) -> str:
    """What TraceReferences does not find for our own classes: APIs absent from API 23."""
    program = "com.android.tools.r8.tracereferences.TraceReferences"
    command = ["java", "-cp", tools.folder / "d8.jar", program]
    libraries = [part for jar in [tools.android_jar, *jars] for part in ("--lib", jar)]
    sources = [part for jar in app_jars for part in ("--source", jar)]
    words = [str(word) for word in [*command, "--check", *libraries, *sources]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


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
    run(["zipalign", "-p", "-f", "4", unaligned, aligned])
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


def build(bundle: Path, output: Path, tools: Tools) -> Path:
    """Everything from sources to the signed APK."""
    sys.path.insert(0, str(ROOT))
    from fbdeploy.apps.demo_bundle import install_bundle

    output.mkdir(parents=True, exist_ok=True)
    classes = compile_modules(tools, output)
    compile_tests(tools, classes, output)
    staged = output / "staged"
    staged.mkdir(exist_ok=True)
    (staged / "settings.gradle.kts").touch()
    assets = install_bundle(bundle, staged).parent
    base = link_resources(tools, output, assets)
    app = compile_app(tools, classes, output)
    jars = [classes.core, classes.ort, classes.others, app]
    libraries = [tools.ort_jar, tools.kotlin / "kotlin-stdlib.jar", classes.library_stubs]
    (output / "missing.txt").write_text(missing_references(tools, libraries, jars))
    apk = package(tools, base, dex(tools, jars, output), output)
    (output / "badging.txt").write_text(run(["aapt", "dump", "badging", apk]))
    (output / "signature.txt").write_text(run(["apksigner", "verify", "--verbose", apk]))
    run(["zipalign", "-c", "-p", "4", apk])
    return apk


def main() -> None:
    """Build and say where the APK is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True, help="what fbdeploy deploy wrote")
    parser.add_argument("--output", type=Path, default=ROOT / "build/android")
    options = parser.parse_args()
    tools = Tools(
        Path(os.environ.get("FBDEPLOY_TOOLS", ROOT / "build/tools")).resolve() / "android"
    )
    if not tools.ready:
        raise SystemExit(f"{tools.folder}: run android_demo/ci/tools.sh first")
    print(build(options.bundle, options.output.resolve(), tools))


if __name__ == "__main__":
    main()
