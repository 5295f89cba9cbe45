"""Artefacts that take pixels, through the stages that check and score them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fbdeploy.pipeline.keys import artefact_key
from fbdeploy.pipeline.known import Prepared
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments
from fbdeploy.pipeline.steps.evaluate import evaluate as score
from fbdeploy.pipeline.steps.export import Exported, export
from fbdeploy.pipeline.steps.prepare import PrepareArguments, prepare
from fbdeploy.pipeline.steps.reference import ReferenceArguments, reference
from fbdeploy.pipeline.workers.jobs import Result
from fbdeploy.pipeline.workers.worker import LineReporter
from fbdeploy.records.fidelity import FloatCheck
from fbdeploy.records.results import EvaluationLine
from tests.fbdeploy.pipeline.test_stages import NETWORK, _exporting, _photos, _result
from zoo.documents import Schema


def test_pictures_are_checked_and_scored_as_tensors_are(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    photos, output = _photos(tmp_path / "photos"), tmp_path / "out"
    request = DeployRequest(
        network=f"{tmp_path / 'net.py'}:build",
        num_classes=4,
        input=InputOptions(size=(16, 16), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)),
        data=str(photos),
        calibration=str(photos),
        formats=("coreml",),
        builds=("fp32",),
        recipe="ptq",
        output=output,
        input_type="uint8",
    )
    prepared = _result(prepare, PrepareArguments(request=request, known_programs={}), Prepared)
    key, data = prepared.network_key, prepared.evaluation_data
    assert data is not None
    _result(reference, ReferenceArguments(request=request, network_key=key, data=data), FloatCheck)
    made = _result(export, _exporting(request, prepared), Exported).artefacts
    assert [(one.variant, one.input) for one in made] == [("", "float32"), ("image", "image")]
    assert all(one.parity is not None and one.parity.passed for one in made)
    assert made[1].path == "fp32/model-image.mlpackage"
    sent: list[Schema] = []
    score(
        LineReporter(sent.append),
        EvaluateArguments(request=request, network_key=key, artefacts=made, data=data),
    )
    found = [message.read(EvaluationLine) for message in sent if isinstance(message, Result)]
    tensor, picture = (line for line in found if line is not None)
    assert tensor.top1 == picture.top1 and (tensor.variant, picture.variant) == ("", "image")
    assert [one.value for one in picture.scores if one.metric == "agreement"] == [1.0]
    assert tensor.top1 is not None and np.isfinite(tensor.top1)


def test_what_has_no_such_artefacts_keeps_its_key() -> None:
    def key(fmt: str, build: str, given: str) -> str:
        return artefact_key(fmt, build, "n", "p", input_type=given)  # type: ignore[arg-type]

    assert key("onnx", "int8", "uint8") != key("onnx", "int8", "float32")
    assert key("onnx", "fp32", "uint8") == key("onnx", "fp32", "float32")
    assert key("torchscript", "int8", "uint8") == key("torchscript", "int8", "float32")
