"""The stages in this process, on a detector of one's own with masks, and a file by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fbdeploy
from export.description import Description
from fbdeploy.pipeline.known import Prepared, Quantized
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments
from fbdeploy.pipeline.steps.evaluate import evaluate as score
from fbdeploy.pipeline.steps.export import ExportArguments, Exported, export
from fbdeploy.pipeline.steps.nearness import MOST_APART, distance_apart
from fbdeploy.pipeline.steps.prepare import PrepareArguments, prepare
from fbdeploy.pipeline.steps.reference import ReferenceArguments, reference
from fbdeploy.pipeline.workers.worker import LineReporter
from fbdeploy.records.fidelity import FloatCheck
from fbdeploy.records.manifest import Artefact
from fbdeploy.records.predictions import read_predictions
from fbdeploy.records.results import EvaluationLine
from tasks.base import Outputs
from tasks.table import TASKS
from tests.fbdeploy.pipeline.test_segmentation_stages import _of, _results
from tests.quantize.tiny_detector import CLASSES, SIDE
from zoo.errors import InputError

NETWORK = """
from tests.quantize.tiny_detector import tiny_detector

def build():
    return tiny_detector().module
"""
PICTURES = 10


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> DeployRequest:
    """Pictures of one to three squares each, wider than high, with their boxes and outlines."""
    root = tmp_path_factory.mktemp("detector")
    (root / "net.py").write_text(NETWORK)
    generator = np.random.default_rng(0)
    (root / "images").mkdir()
    images, annotations = [], []
    for number in range(PICTURES):
        pixels = generator.integers(0, 80, (60, 80, 3)).astype(np.uint8)
        for _ in range(generator.integers(1, 4)):
            label, side = int(generator.integers(CLASSES)), int(generator.integers(12, 30))
            left, top = int(generator.integers(80 - side)), int(generator.integers(60 - side))
            pixels[top : top + side, left : left + side, label] = 220
            right, bottom = left + side, top + side
            outline = [left, top, right, top, right, bottom, left, bottom]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": label + 1,
                    "bbox": [left, top, side, side],
                    "area": side * side,
                    "iscrowd": 0,
                    "segmentation": [outline],
                }
            )
        name = f"{number:02d}.png"
        Image.fromarray(pixels).save(root / "images" / name)
        images.append({"id": number, "file_name": name, "width": 80, "height": 60})
    categories = [{"id": label + 1, "name": f"class {label}"} for label in range(CLASSES)]
    (root / "boxes.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": categories})
    )
    return DeployRequest(
        network=f"{root / 'net.py'}:build",
        input=InputOptions(size=(SIDE, SIDE)),
        data=str(root / "boxes.json"),
        calibration=str(root / "boxes.json"),
        formats=("torchscript",),
        builds=("fp32", "int8"),
        recipe="ptq-fast",
        output=root / "out",
    )


def test_every_stage(request_of: DeployRequest) -> None:
    found = _results(prepare, PrepareArguments(request=request_of, known_programs={}))
    (prepared,), (quantized,) = _of(found, Prepared), _of(found, Quantized)
    network = prepared.network
    assert (network.task, network.num_classes) == ("detection", CLASSES)
    assert [output.name for output in network.outputs] == ["boxes", "scores", "labels", "masks"]
    fidelity = quantized.quantization.fidelity
    assert fidelity.passed and fidelity.apart is not None and 0 < fidelity.apart < 0.5
    assert fidelity.criterion.startswith("at most 50 % of the scores apart and 50 % of the detect")
    key, data = prepared.network_key, prepared.evaluation_data
    asked = ReferenceArguments(request=request_of, network_key=key, data=data)
    assert _of(_results(reference, asked), FloatCheck) == []
    artefacts: list[Artefact] = []
    for form in request_of.formats:
        exporting = ExportArguments(
            request=request_of,
            network_key=key,
            input_spec=prepared.input_spec,
            data=data,
            format=form,
            description=Description(
                "net",
                "detection",
                tuple(f"class {label}" for label in range(CLASSES)),
                prepared.input_spec,
                "ab" * 32,
                "1.2.3",
            ),
            keys={"fp32": f"{form}-fp32", "int8": f"{form}-int8"},
        )
        made = _of(_results(export, exporting), Exported)
        artefacts += [entry for one in made for entry in one.artefacts]
    for entry in artefacts:
        parity = entry.parity
        assert parity is not None and parity.passed and parity.apart is not None
        most = 0.5 if entry.precision == "fp32" else 100 * max(0.25, fidelity.apart)
        assert parity.criterion == f"at most {most:.3g} % of the scores apart"
    scoring = EvaluateArguments(
        request=request_of, network_key=key, artefacts=tuple(artefacts), data=data
    )
    lines = _of(_results(score, scoring), EvaluationLine)
    for entry, line in zip(artefacts, lines, strict=True):
        scores = {one.metric: one for one in line.scores}
        assert {"box_ap", "mask_ap", "detection_agreement"} <= scores.keys()
        assert scores["box_ap"].difference_interval is not None
        if entry.precision == "fp32":
            assert scores["box_ap"].difference == pytest.approx(0, abs=1e-6)
            assert scores["detection_agreement"].value == 1
        kept = read_predictions(request_of.output / (line.predictions or ""))
        assert len(kept.predictions) == PICTURES
        # Mapped back to the picture, 80 pixels wide where the input is 64.
        assert max(one.boxes.max(initial=0) for one in kept.predictions) > SIDE


def test_a_file_by_its_own_words(request_of: DeployRequest, tmp_path: Path) -> None:
    """Alone, it scores as beside its manifest."""
    shutil.copy(request_of.output / "int8" / "model.pt", tmp_path)
    evaluated = fbdeploy.evaluate(tmp_path / "model.pt", data=request_of.data or "")
    scores = {score.metric: score.value for score in evaluated.scores}
    assert {"box_ap", "mask_ap"} <= scores.keys() and evaluated.images == PICTURES


def _found(shift: float, score: float) -> Outputs:
    boxes = np.zeros((1, 3, 4), np.float32)
    boxes[0, :2] = np.array([[10, 10, 30, 30], [40, 40, 60, 60]], np.float32) + shift
    scores = np.array([[score, 0.5, 0]], np.float32)
    return {"boxes": boxes, "scores": scores, "labels": np.zeros((1, 3), np.float32)}


def test_how_far_detections_are_apart() -> None:
    """Of 1.3 in scores the other finds 1 too; boxes that are elsewhere have no partners."""
    task, first = TASKS["detection"], _found(0, 0.8)
    assert distance_apart(task, first, first) == 0
    assert distance_apart(task, first, _found(0, 0.5)) == pytest.approx(1 - 2 / 2.3)
    moved = distance_apart(task, first, _found(100, 0.8))
    assert moved == 1 and moved > MOST_APART["int8"]
    assert distance_apart(TASKS["classification"], first, first) is None


def test_forms_of_outputs_are_of_segmenters(request_of: DeployRequest, tmp_path: Path) -> None:
    request = request_of.model_copy(update={"output": tmp_path, "output_forms": ("classes",)})
    with pytest.raises(InputError, match="is for detection, and --output-forms"):
        prepare(LineReporter(lambda _: None), PrepareArguments(request=request, known_programs={}))
