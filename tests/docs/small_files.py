"""What commands of docs/ read, made without torch: two deployments, an app's results, times."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from fbdeploy.records.manifest import read_manifest
from tests.fbdeploy.apps.test_results import result
from tests.fbdeploy.latency.test_fitting import CYCLES, _counted, _timed, _write

FILE = Path(__file__).with_name("deployments.zip")
"""``tests.docs.make_deployments`` writes it."""
MODEL = """
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6(),
        nn.Conv2d(8, 16, 1), nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3),
    )
"""
APP_RESULTS = (
    "coreml-int8-1760000000.json",
    "results/coreml-int8-1760000000.json",
    "run1.json",
)


def deployments(folder: Path) -> None:
    """``out`` and ``street``."""
    with zipfile.ZipFile(FILE) as kept:
        kept.extractall(folder)


def latencies(folder: Path) -> None:
    """``phone.jsonl`` and ``a76.jsonl``, of the same files."""
    _write(folder / "phone.jsonl", [_timed(name, cycles / 2) for name, cycles in CYCLES.items()])
    _write(folder / "a76.jsonl", [_counted(name, cycles) for name, cycles in CYCLES.items()])


def apps(folder: Path, output: Path) -> None:
    """What marks the two apps, and results that one of them wrote of ``output``."""
    (folder / "android_demo").mkdir()
    (folder / "android_demo/settings.gradle.kts").touch()
    (folder / "ios_demo/Demo.xcodeproj").mkdir(parents=True)
    (folder / "results").mkdir()
    artefacts = {entry.path: entry for entry in read_manifest(output).artefacts}
    entry = artefacts["int8/model.onnx"]
    for name in APP_RESULTS:
        (folder / name).write_text(json.dumps(result(entry.sha256)))
