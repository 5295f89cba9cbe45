"""What a machine without Android can prove of android_demo; its README lists what it cannot."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fbdeploy.apps.bundle_reading import read_bundle
from fbdeploy.apps.results import read_app_results
from tests.geometry_goldens import write_geometry_goldens
from tests.detection_goldens import trial_detector, write_detection_goldens
from tests.made_up_bundles import SIZES as MADE_UP_SIZES
from tests.mask_goldens import trial_segmenter, write_mask_goldens
from tests.preprocessing_goldens import SIZES, SPECS, write_preprocessing_goldens

DEMO = Path(__file__).parents[2] / "android_demo"
CORE = "dev.fbdeploy.core"
CORE_TESTS = tuple(
    f"{CORE}.{path.stem}" for path in sorted((DEMO / "core/src/test").rglob("*Test.kt"))
)
ORT_TESTS = ("dev.fbdeploy.backend.ort.OnnxRuntimeTest",)


def junit(
    builder: ModuleType,
    tools: Any,
    built: Path,
    bundles: list[Path],
    names: Any,
    geometry: Path | None = None,
) -> str:
    code, said = builder.run_tests(tools, built, bundles, names, geometry)
    assert code == 0, said
    return str(said)


def test_kotlin_core_repeats_python_on_the_goldens(
    builder: ModuleType, tools: Any, built: Path, bundle: Path, tmp_path: Path
) -> None:
    segmenter = trial_segmenter() / "demo_bundle"
    masks = write_mask_goldens(tmp_path / "masks")
    detector = trial_detector() / "demo_bundle"
    boxes = write_detection_goldens(tmp_path / "boxes")
    shapes = [segmenter, *masks, detector, *boxes]
    bundles = [bundle, *write_preprocessing_goldens(tmp_path), *shapes]
    geometry = write_geometry_goldens(tmp_path / "geometry.json")
    said = junit(builder, tools, built, bundles, CORE_TESTS, geometry)
    images = len(read_bundle(bundle).golden.images)
    counts = {"demo_bundle": images, **dict.fromkeys(SPECS, len(SIZES))}
    for name, count in (*counts.items(), *((path.name, len(MADE_UP_SIZES)) for path in [*masks, *boxes])):
        assert f"goldens of {name}: {count} images, pixels within 0" in said
    # As many as may be told otherwise of the same logits: what float32 cannot tell apart.
    told = [int(pixels) for pixels in re.findall(r"masks within (\d+) pixels", said)]
    assert len(told) == len(bundles) and max(told) <= most_undecided(shapes)
    ran = re.search(r"OK \((\d+) tests\)", said)
    assert ran and int(ran[1]) >= 60
    cases = len(json.loads(geometry.read_text())["cases"])
    assert f"goldens of geometry: {cases} cases within 1.0E-6 pixels" in said


def test_an_error_planted_in_the_turn_is_caught(
    builder: ModuleType, tools: Any, built: Path, bundle: Path, tmp_path: Path
) -> None:
    geometry = write_geometry_goldens(tmp_path / "geometry.json")
    document = json.loads(geometry.read_text())
    for case in document["cases"]:
        # 90 taken for 270: as if Python turned the other way.
        case["rotation"] = (360 - case["rotation"]) % 360
    geometry.write_text(json.dumps(document))
    names = [f"{CORE}.FrameGeometryTest"]
    code, said = builder.run_tests(tools, built, [bundle], names, geometry)
    assert code != 0
    assert "everyMapIsPythons" in said


def most_undecided(bundles: list[Path]) -> int:
    """The most pixels of a golden picture's masks that may be told otherwise of the same outputs."""
    outputs = [
        output
        for bundle in bundles
        for image in json.loads((bundle / "golden.json").read_text())["images"]
        for output in image["outputs"]
    ]
    return max(output["answer"]["undecided"] for output in outputs)


def test_the_app_s_onnxruntime_code_answers_as_python(
    builder: ModuleType, tools: Any, built: Path, bundle: Path
) -> None:
    segmenter, detector = trial_segmenter() / "demo_bundle", trial_detector() / "demo_bundle"
    said = junit(builder, tools, built, [bundle, segmenter, detector], ORT_TESTS)
    folders = {"classification": bundle, "segmentation": segmenter, "detection": detector}
    for task, folder in folders.items():
        count = len(read_bundle(folder).golden.images)
        for precision in ("fp32", "int8"):
            line = rf"{task} onnx-{precision}\S* .*: equal on {count}/{count} images"
            assert re.search(line, said), said
    # The very pixels that Python's runtime tells on this processor, but for ties.
    masks = [int(pixels) for pixels in re.findall(r"segmentation .* masks within (\d+)", said)]
    assert masks and max(masks) <= 0.002 * 48 * 80


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
    assert "samePixelsSameTensorSameAnswers" in said


def test_kotlin_style(tools: Any) -> None:
    done = subprocess.run(
        [str(tools.folder / "ktlint"), "**/*.kt", "**/*.kts"],
        cwd=DEMO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_yuv_expectations_of_the_kotlin_test_are_pillow_s() -> None:
    source = (DEMO / "core/src/test/kotlin/dev/fbdeploy/core/FrameTest.kt").read_text()
    pattern = r"listOf\((\d+), (\d+), (\d+)\) to listOf\((\d+), (\d+), (\d+)\)"
    rows = np.array(re.findall(pattern, source), int)
    assert len(rows) >= 5
    for row in rows:
        image = Image.new("YCbCr", (1, 1), tuple(int(value) for value in row[:3]))
        assert image.convert("RGB").getpixel((0, 0)) == tuple(row[3:])
