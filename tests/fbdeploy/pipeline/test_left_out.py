"""A format that cannot hold a program is left out of a deployment with a line, not a failure."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.export import ExportArguments, Exported, export
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.records.manifest import DatasetInfo
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from tests.fbdeploy.pipeline.kept_checks import keep_checks
from tests.quantize.small_networks import noise_images, tiny_network


class Notes:
    """A reporter that keeps what is said to the user."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.results: list[BaseModel] = []

    def progress(self, step: str, done: float) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)

    def result(self, value: BaseModel) -> None:
        self.results.append(value)


def test_weights_only_leaves_out_what_has_no_kernels(tmp_path: Path) -> None:
    network, work = tiny_network(), WorkFolder.of(tmp_path / "out")
    program = quantize(network, noise_images(16), load_recipe("weights-only"))
    keep_checks(work, program, images=4)
    request = DeployRequest(
        network="tiny",
        data="x",
        calibration="x",
        formats=("torchscript", "onnx"),
        builds=("int8",),
        recipe="weights-only",
        output=tmp_path / "out",
    )
    found = {}
    for form in request.formats:
        notes = Notes()
        asked = ExportArguments(
            request=request,
            network_key="key",
            input_spec=network.input_spec,
            data=DatasetInfo(name="x", images=4, identity="photos"),
            format=form,
            keys={"int8": "artefact"},
        )
        export(notes, asked)
        found[form] = notes
    assert found["torchscript"].results == []
    assert found["torchscript"].notes == [
        "torchscript int8 is left out: it has no kernels with int8 weights and float activations"
    ]
    exported, *_ = found["onnx"].results
    assert isinstance(exported, Exported)
    assert all(entry.parity and entry.parity.passed for entry in exported.artefacts)
