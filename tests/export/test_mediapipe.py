"""MediaPipe's image classifier, which nobody here wrote, on our ``.tflite`` files alone."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from export.base import ExportSource
from export.description import Description
from export.format_info import PIXELS
from export.formats import FORMATS
from quantize.graph.capture import capture
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.pixels import for_normalized
from tasks.logits import logits_of
from tests.quantize.small_networks import normalized, photo_pixels, pixel_network
from zoo.input_spec import InputSpec

PICTURES = 20
#: With one mean and deviation, which is all that MediaPipe takes of a float input.
ALIKE = InputSpec(32, 32, (0.5,) * 3, (0.25,) * 3)
#: With one a channel.
IMAGENET = InputSpec(32, 32)


class _Unused(ModuleType):
    """Any name of a package that MediaPipe imports for drawing, which is not done here."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@pytest.fixture
def mediapipe(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package without OpenCV and matplotlib, 150 MB and libGL that classifying does not use."""
    for name in ("cv2", "matplotlib", "matplotlib.pyplot"):
        if name not in sys.modules:
            monkeypatch.setitem(sys.modules, name, _Unused(name))
    return pytest.importorskip("mediapipe", reason="mediapipe is not installed")


def _float(path: Path) -> InputSpec:
    captured = capture(pixel_network(ALIKE).module, ALIKE)
    source = ExportSource("fp32", ALIKE, captured.graph, description=_described(ALIKE))
    FORMATS["litert"].export(source, path)
    return ALIKE


def _pixels(path: Path) -> InputSpec:
    images = normalized(photo_pixels(24, IMAGENET), IMAGENET)
    program = quantize(pixel_network(IMAGENET), images, load_recipe("ptq-fast"))
    source = ExportSource(
        "int8", IMAGENET, program.graph, program, description=_described(IMAGENET)
    )
    FORMATS["litert"].export(source, path, PIXELS)
    return IMAGENET


def _described(spec: InputSpec) -> Description:
    labels = pixel_network(spec).labels
    return Description("pixels", "classification", labels, spec, "ab" * 32, "1.2.3")


@pytest.mark.parametrize("make", [_float, _pixels])
def test_it_has_our_top_five(make: Any, tmp_path: Path, mediapipe: Any) -> None:
    torch.set_num_threads(1)
    path = tmp_path / "model.tflite"
    spec = make(path)
    pixels = photo_pixels(PICTURES, spec)
    session = RUNTIMES["litert"].load(path, 1)
    ours = logits_of(for_normalized(session, spec).run(normalized(pixels, spec)))
    tasks = mediapipe.tasks
    options = tasks.vision.ImageClassifierOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(path)), max_results=5
    )
    with tasks.vision.ImageClassifier.create_from_options(options) as classifier:
        for picture, logits in zip(pixels, ours, strict=True):
            image = mediapipe.Image(
                image_format=mediapipe.ImageFormat.SRGB,
                data=np.ascontiguousarray(picture.transpose(1, 2, 0)),
            )
            (head,) = classifier.classify(image).classifications
            found = head.categories
            # Equal logits, which int8 has, may stand in either order.
            assert [one.score for one in found] == pytest.approx(
                sorted(logits.tolist(), reverse=True)[:5], abs=1e-5
            )
            for one in found:
                assert logits[one.index] == pytest.approx(one.score, abs=1e-5)
                assert one.category_name == f"class {one.index}"
