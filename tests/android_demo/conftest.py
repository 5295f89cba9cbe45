"""The app built once a session, from what android_demo/ci/tools.sh fetched."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.trial_output import locked, trial_output
from zoo.files import sha256_of

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "android_demo"


@pytest.fixture(scope="session")
def builder() -> ModuleType:
    """android_demo/ci/build.py as a module."""
    return load("build")


@pytest.fixture(scope="session")
def inspection() -> ModuleType:
    """android_demo/ci/apk_inspection.py as a module."""
    return load("apk_inspection")


def load(name: str) -> ModuleType:
    """A script of android_demo/ci, which finds its neighbours as when it is run."""
    spec = importlib.util.spec_from_file_location(f"android_{name}", DEMO / f"ci/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    sys.path.insert(0, str(DEMO / "ci"))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(DEMO / "ci"))
    return module


@pytest.fixture(scope="session")
def tools(builder: ModuleType) -> object:
    folder = Path(os.environ.get("FBDEPLOY_TOOLS", ROOT / "build/tools"))
    found = builder.Tools(folder.resolve() / "android")
    if not found.ready:
        pytest.skip("android_demo/ci/tools.sh has not run: no Kotlin, no Android tools")
    return found


@pytest.fixture(scope="session")
def bundle() -> Path:
    return trial_output() / "demo_bundle"


@pytest.fixture(scope="session")
def built(builder: ModuleType, tools: object, bundle: Path) -> Path:
    """The folder with the APK and the reports on it; built again when an input changed."""
    output = ROOT / "build/android"
    stamp = output / "stamp"
    sources = [
        path for path in DEMO.rglob("*") if path.is_file() and "demo_bundle" not in path.parts
    ]
    inputs = " ".join(sha256_of(path) for path in [*sorted(sources), bundle / "golden.json"])
    with locked(output):
        if not stamp.exists() or stamp.read_text() != inputs:
            stamp.unlink(missing_ok=True)
            builder.build(bundle, output, tools)
            stamp.write_text(inputs)
    return output
