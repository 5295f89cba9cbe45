"""An artefact that is wrong never has the name of one to ship, and the layer is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from pydantic import BaseModel

from export.base import ExportResult, ExportSource
from export.formats import FORMATS
from export.onnx import OnnxExporter
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.export import ExportArguments, Exported, export
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.records.manifest import Artefact, DatasetInfo, Failure
from quantize.graph.passes.surgery import module_path
from quantize.program import Program
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.fbdeploy.pipeline.kept_checks import keep_checks
from tests.fbdeploy.pipeline.test_left_out import Notes
from tests.quantize.small_networks import noise_images, tiny_network


@dataclass(frozen=True)
class Tampering:
    """An exporter after whose work something happens to the file."""

    change: Callable[[Path], None]

    def export(self, source: ExportSource, path: Path, variant: str = "") -> ExportResult:
        result = OnnxExporter().export(source, path, variant)
        self.change(path)
        return result


@pytest.fixture(scope="module")
def program() -> Program:
    return quantize(tiny_network(), noise_images(16), load_recipe("ptq-fast"))


def _export(folder: Path, program: Program) -> BaseModel:
    """The one thing that an export of ``program`` hands over."""
    output = folder / "out"
    work = WorkFolder.of(output)
    keep_checks(work, program, images=8)
    request = DeployRequest(
        network="tiny",
        data="x",
        calibration="x",
        formats=("onnx",),
        builds=("int8",),
        recipe="ptq-fast",
        output=output,
    )
    notes = Notes()
    asked = ExportArguments(
        request=request,
        network_key="key",
        input_spec=program.input_spec,
        data=DatasetInfo(name="x", images=8, identity="photos"),
        format="onnx",
        keys={"int8": "key"},
    )
    export(notes, asked)
    (made,) = notes.results
    return made


def _artefacts(folder: Path, program: Program) -> tuple[Artefact, ...]:
    made = _export(folder, program)
    assert isinstance(made, Exported)
    return made.artefacts


def test_one_that_differs_is_put_aside_with_the_layer_s_name(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = program.plan.weighted[4]

    def negate(path: Path) -> None:
        model = onnx.load(path)
        for entry in model.graph.initializer:
            if entry.name == f"{layer}_int8":
                values = onnx.numpy_helper.to_array(entry)
                entry.CopyFrom(onnx.numpy_helper.from_array(np.negative(values), entry.name))
        onnx.save(model, path)

    monkeypatch.setitem(FORMATS, "onnx", Tampering(negate))
    artefacts = _artefacts(tmp_path, program)
    (node,) = (n for n in program.graph.graph.nodes if n.name == layer)
    for artefact in artefacts:
        assert artefact.rejected and artefact.parity and artefact.parity.parted_at
        assert artefact.path.startswith(".fbdeploy/rejected/int8/model")
        assert (tmp_path / "out" / artefact.path).exists()
        assert artefact.parity.parted_at.startswith(f"{module_path(node)} (")
    assert not (tmp_path / "out/int8").exists()


def test_one_that_no_runtime_loads_is_put_aside(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "onnx", Tampering(lambda path: path.write_bytes(b"nothing")))
    failure = _export(tmp_path, program)
    assert isinstance(failure, Failure)
    assert ".fbdeploy/rejected/int8/model.onnx" in failure.message
    assert not (tmp_path / "out/int8").exists()


def test_one_that_is_right_has_the_name_of_one_to_ship(tmp_path: Path, program: Program) -> None:
    artefacts = _artefacts(tmp_path, program)
    assert [artefact.path for artefact in artefacts] == [
        "int8/model.onnx",
        "int8/model-s8s8.onnx",
    ]
    assert all((tmp_path / "out" / artefact.path).exists() for artefact in artefacts)
    assert not list((tmp_path / "out/.fbdeploy/rejected").rglob("*.onnx"))
