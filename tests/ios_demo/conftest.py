"""The Swift toolchain that ios_demo/ci/tools.sh fetched, and a bundle for its tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.detection_goldens import trial_detector, write_detection_goldens
from tests.geometry_goldens import write_geometry_goldens
from tests.mask_goldens import trial_segmenter, write_mask_goldens
from tests.preprocessing_goldens import write_preprocessing_goldens
from tests.trial_output import locked, trial_output

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "ios_demo"

GEOMETRY_NAME = "geometry_goldens.json"
"""Where DemoCore's tests look for it, beside the package."""

SEGMENTER_NAME, DETECTOR_NAME = "segmenter", "detector"
"""The bundles of a segmenter's and of a detector's real models there."""

Swift = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tools() -> Path:
    found = Path(os.environ.get("FBDEPLOY_TOOLS", ROOT / "build/tools")) / "ios"
    if not (found / "stamp").exists():
        pytest.skip("ios_demo/ci/tools.sh has not run: no Swift")
    return found


@pytest.fixture(scope="session")
def swift(tools: Path) -> Swift:
    """Runs a command of the toolchain with a folder as /src and, if given, a bundle there."""
    if os.geteuid() != 0:
        pytest.skip("not root: the Swift toolchain runs in a folder of its own (chroot)")

    def run(folder: Path, *command: str, bundle: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(DEMO / "ci/swift.sh"), str(folder), *command],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"FBDEPLOY_BUNDLE_IN": bundle},
        )

    return run


@pytest.fixture(scope="session")
def bundle() -> Path:
    return trial_output() / "demo_bundle"


@pytest.fixture(scope="session")
def workspace(bundle: Path) -> Path:
    """DemoCore and its benchmark beside the goldens; kept, so that Swift compiles what changed."""
    folder = ROOT / "build/ios"
    with locked(folder):
        for package in ("DemoCore", "ci/bench"):
            _sync(DEMO / package, folder / package)
        _copy_documents(bundle, folder / "demo_bundle")
        _copy_documents(trial_segmenter() / "demo_bundle", folder / SEGMENTER_NAME)
        _copy_documents(trial_detector() / "demo_bundle", folder / DETECTOR_NAME)
        for name in ("preprocessing", "masks", "boxes"):
            shutil.rmtree(folder / name, ignore_errors=True)
        write_preprocessing_goldens(folder / "preprocessing")
        write_mask_goldens(folder / "masks")
        write_detection_goldens(folder / "boxes")
        write_geometry_goldens(folder / GEOMETRY_NAME)
    return folder


def _copy_documents(bundle: Path, target: Path) -> None:
    """A bundle without its models, where it is not there yet."""
    target.mkdir(exist_ok=True)
    for name in ("model_config.json", "golden.json", "labels.txt"):
        content = (bundle / name).read_bytes()
        if not (target / name).exists() or (target / name).read_bytes() != content:
            (target / name).write_bytes(content)


def _sync(source: Path, target: Path) -> None:
    """Copy what changed and remove what is gone; Swift's own .build stays."""
    wanted = {
        path.relative_to(source)
        for path in source.rglob("*")
        if path.is_file() and ".build" not in path.parts
    }
    for path in list(target.rglob("*")) if target.exists() else []:
        relative = path.relative_to(target)
        if path.is_file() and ".build" not in relative.parts and relative not in wanted:
            path.unlink()
    for relative in wanted:
        copy = target / relative
        content = (source / relative).read_bytes()
        if not copy.exists() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
