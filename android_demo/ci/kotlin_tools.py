"""The compilers that tools.sh fetched, and what Gradle's files say to them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEMO = Path(__file__).parents[1]
HEAP = "-Xmx1g"


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
        heap = os.environ | {"JAVA_OPTS": HEAP}
        run([self.folder / "kotlin/bin/kotlinc", *options, "-d", target, *sources], env=heap)
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
