"""Compiles, tests, packages and inspects the app with what tools.sh fetched, without Gradle.

    python android_demo/ci/build.py --bundle OUT --output build/android

Every step is the one Gradle would make: modules in their order, each seeing only what it may.
Differences from a Gradle build are listed in ../README.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from apk_packaging import dex, link_resources, package, shrink
from kotlin_tools import DEMO, HEAP, Tools, run

ROOT = DEMO.parent
JUNIT = [Path("/usr/share/java/junit4.jar"), Path("/usr/share/java/hamcrest-core.jar")]


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


def run_java(
    tools: Tools, output: Path, program: Sequence[str], properties: dict[str, object]
) -> tuple[int, str]:
    """Run a program of the tests' jars on the JVM; returns its exit code and what it printed."""
    libraries = ["kotlin-stdlib.jar", "kotlin-test.jar", "kotlin-test-junit.jar"]
    jars = [output / name for name in ("core.jar", "backend-ort.jar", "tests.jar")]
    jars += [tools.ort_jar, *(tools.kotlin / name for name in libraries), *JUNIT]
    command = [
        "java",
        HEAP,
        "-cp",
        ":".join(str(jar) for jar in jars),
        f"-XX:ErrorFile={output / 'java-crash.log'}",
        f"-Donnxruntime.native.path={tools.folder / 'ort/desktop'}",
        *(f"-D{name}={value}" for name, value in properties.items()),
        *program,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def run_tests(
    tools: Tools,
    output: Path,
    bundles: Sequence[Path],
    names: Sequence[str],
    geometry: Path | None = None,
) -> tuple[int, str]:
    """Run JUnit classes; returns JUnit's exit code and what it printed.

    The models of the first bundle are run; the others only pin ways of pre-processing. Without the
    goldens of ``geometry`` their tests are left out.
    """
    properties: dict[str, object] = {
        "fbdeploy.bundle": ":".join(str(bundle) for bundle in bundles),
        "fbdeploy.result": output / "app_result.json",
    }
    if geometry is not None:
        properties["fbdeploy.geometry"] = geometry
    return run_java(tools, output, ["org.junit.runner.JUnitCore", *names], properties)


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


def missing_references(tools: Tools, jars: Sequence[Path], app_jars: Sequence[Path]) -> str:
    """What TraceReferences does not find for our own classes: APIs absent from API 23."""
    program = "com.android.tools.r8.tracereferences.TraceReferences"
    command = ["java", "-cp", tools.folder / "d8.jar", program]
    libraries = [part for jar in [tools.android_jar, *jars] for part in ("--lib", jar)]
    sources = [part for jar in app_jars for part in ("--source", jar)]
    words = [str(word) for word in [*command, "--check", *libraries, *sources]]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def build(bundle: Path, output: Path, tools: Tools) -> Path:
    """Everything from sources to the signed APK."""
    sys.path.insert(0, str(ROOT))
    from fbdeploy.apps.installing import install_bundle

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


def shrink_release(tools: Tools, output: Path) -> Path:
    """What R8 leaves of a release's code once ``build`` has run, as class files in a jar."""
    names = ("core", "backend-ort", "backend-others", "app", "stubs-libraries")
    rules = [
        DEMO / f"backend-{name}/consumer-rules.pro" for name in ("ort", "executorch", "litert")
    ]
    libraries = [
        tools.android_jar,
        output / "stubs-platform.jar",
        tools.kotlin / "kotlin-stdlib.jar",
    ]
    jars = [*(output / f"{name}.jar" for name in names), tools.ort_jar]
    return shrink(tools, jars, libraries, rules, output / "shrunk.jar")


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
