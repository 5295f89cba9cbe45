"""The stages in this process, on a detector of one's own with masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from fbdeploy.pipeline.first_look import look_at_shared_images
from fbdeploy.pipeline.keys import data_identity
from fbdeploy.pipeline.known import Prepared, Quantized
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from fbdeploy.pipeline.running import StepArguments
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments
from fbdeploy.pipeline.steps.evaluate import evaluate as score
from fbdeploy.pipeline.steps.export import ExportArguments, Exported, export
from fbdeploy.pipeline.steps.prepare import PrepareArguments, prepare
from fbdeploy.pipeline.steps.reference import ReferenceArguments, reference
from fbdeploy.pipeline.workers.jobs import Result, Work
from fbdeploy.pipeline.workers.worker import LineReporter
from fbdeploy.records.manifest import Artefact
from fbdeploy.records.predictions import read_predictions
from fbdeploy.records.results import EvaluationLine
from tests.quantize.tiny_detector import CLASSES, SIDE
from zoo.documents import Schema
from zoo.errors import InputError

NETWORK = """
from tests.quantize.tiny_detector import tiny_detector

def build():
    return tiny_detector().module
"""
IMAGES = 8
Kind = TypeVar("Kind", bound=Schema)


def _results(work: Work[Any], asked: StepArguments) -> list[Result]:
    sent: list[Schema] = []
    work(LineReporter(sent.append), asked)
    results = [message for message in sent if isinstance(message, Result)]
    assert [result for result in results if result.kind == "Failure"] == []
    return results


def _of(results: list[Result], kind: type[Kind]) -> list[Kind]:
    return [value for value in (result.read(kind) for result in results) if value is not None]


def _write_data(root: Path) -> Path:
    """Pictures of noise at several scales, a square on each."""
    generator = np.random.default_rng(0)
    images, annotations = [], []
    (root / "images").mkdir(parents=True)
    for number in range(IMAGES):
        name, left = f"{number}.png", 10 * number
        coarse = generator.integers(0, 256, (6, 10, 3)).repeat(16, 0).repeat(16, 1)
        pixels = (coarse + generator.integers(0, 40, coarse.shape)).clip(0, 255)
        pixels[20:60, left : left + 40] = 255
        Image.fromarray(pixels.astype(np.uint8)).save(root / "images" / name)
        images.append({"id": number, "file_name": name, "width": 160, "height": 96})
        right = left + 40
        annotations.append(
            {
                "image_id": number,
                "category_id": number % CLASSES,
                "bbox": [left, 20, 40, 40],
                "area": 1600,
                "segmentation": [[left, 20, right, 20, right, 60, left, 60]],
            }
        )
    categories = [{"id": label, "name": f"thing {label}"} for label in range(CLASSES)]
    path = root / "data.json"
    document = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(document))
    return path


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> DeployRequest:
    root = tmp_path_factory.mktemp("detector")
    (root / "net.py").write_text(NETWORK)
    data = str(_write_data(root))
    return DeployRequest(
        network=f"{root / 'net.py'}:build",
        input=InputOptions(size=(SIDE, SIDE)),
        data=data,
        calibration=data,
        formats=("torchscript", "onnx"),
        builds=("fp32", "int8"),
        recipe="ptq-fast",
        output=root / "out",
        images=None,
    )


def test_every_stage(request_of: DeployRequest) -> None:
    found = _results(prepare, PrepareArguments(request=request_of, known_programs={}))
    (prepared,), (quantized,) = _of(found, Prepared), _of(found, Quantized)
    network = prepared.network
    assert (network.task, network.num_classes) == ("detection", CLASSES)
    assert [output.name for output in network.outputs] == ["boxes", "scores", "labels", "masks"]
    assert prepared.input_spec.crop_mode == "letterbox"
    assert quantized.quantization.fidelity is not None
    key, data = prepared.network_key, prepared.evaluation_data
    _results(reference, ReferenceArguments(request=request_of, network_key=key, data=data))
    artefacts: list[Artefact] = []
    for form in request_of.formats:
        exporting = ExportArguments(
            request=request_of,
            network_key=key,
            input_spec=prepared.input_spec,
            data=data,
            format=form,
            keys={"fp32": f"{form}-fp32", "int8": f"{form}-int8"},
        )
        made = _of(_results(export, exporting), Exported)
        artefacts += [entry for one in made for entry in one.artefacts]
    assert len(artefacts) >= 4
    for entry in artefacts:
        assert entry.parity is not None and entry.parity.passed, entry.parity
    scoring = EvaluateArguments(
        request=request_of, network_key=key, artefacts=tuple(artefacts), data=data
    )
    lines = _of(_results(score, scoring), EvaluationLine)
    for entry, line in zip(artefacts, lines, strict=True):
        scores = {one.metric: one for one in line.scores}
        assert list(scores) == [
            "box_ap",
            "box_ap50",
            "box_ap75",
            "mask_ap",
            "mask_ap50",
            "detection_agreement",
        ]
        assert line.top1 is None and line.comparison is None
        assert scores["box_ap"].difference_interval is not None
        if entry.precision == "fp32":
            assert scores["detection_agreement"].value == 1.0
            assert scores["mask_ap"].difference == pytest.approx(0, abs=1e-3)
        kept = read_predictions(request_of.output / (line.predictions or ""))
        assert kept.parts["box_ap"].shape[0] == IMAGES == len(kept.predictions)


@pytest.mark.parametrize(
    "changes", [{"builds": ("int8", "int8-qat")}, {"recipe": "ptq-distilled", "builds": ("int8",)}]
)
def test_training_is_refused_before_anything_is_made(
    request_of: DeployRequest, changes: dict[str, Any], tmp_path: Path
) -> None:
    asked = request_of.model_copy(update={"output": tmp_path} | changes)
    with pytest.raises(InputError, match="detectors are not trained for int8"):
        _results(prepare, PrepareArguments(request=asked, known_programs={}))
    assert not (tmp_path / "int8").exists()


def test_data_are_identified_by_annotations_and_pictures(tmp_path: Path) -> None:
    data = _write_data(tmp_path)
    first = data_identity(data)
    assert data_identity(data) == first
    data.write_text(data.read_text().replace('"area": 1600', '"area": 1601', 1))
    second = data_identity(data)
    (tmp_path / "images" / "0.png").touch()
    Image.new("RGB", (160, 96)).save(tmp_path / "images" / "0.png")
    assert len({first, second, data_identity(data)}) == 3


def test_a_cluster_takes_folders_alone(tmp_path: Path) -> None:
    look_at_shared_images(str(tmp_path), None)
    with pytest.raises(InputError, match="without its pictures"):
        look_at_shared_images(str(_write_data(tmp_path)), str(tmp_path))
