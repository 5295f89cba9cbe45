"""A format that cannot hold a program is left out of a deployment with a line, not a failure."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from fbdeploy.pipeline import stages
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.checks import Checks
from fbdeploy.pipeline.steps.programs import program_folder
from quantize.ptq import quantize
from quantize.recipe import load_recipe
from runtime_bench.runtimes.module_session import run_module
from tests.quantize.small_networks import noise_images, tiny_network


class Notes:
    """A reporter that keeps what is said to the user."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.results: list[tuple[str, Any]] = []

    def progress(self, step: str, done: float) -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)

    def result(self, kind: str, value: Any) -> None:
        self.results.append((kind, value))


def test_weights_only_leaves_out_what_has_no_kernels(tmp_path: Path) -> None:
    network, work = tiny_network(), tmp_path / "work"
    program = quantize(network, noise_images(16), load_recipe("weights-only"))
    program.save(program_folder(work, "int8"))
    checks = Checks(work, "key", "photos")
    checks.images(lambda: noise_images(4))
    checks.outputs(
        program_folder(work, "int8"),
        lambda: run_module(program.module(), program.interface, checks.images()),
    )
    request = DeployRequest(
        network="tiny",
        data="x",
        calibration="x",
        formats=("torchscript", "onnx"),
        precisions=("int8",),
        recipe="weights-only",
        output=tmp_path / "out",
    )
    found = {}
    for form in request.formats:
        notes: Any = Notes()
        stages.export(
            notes,
            request=request.model_dump(mode="json"),
            work=str(work),
            network_key="key",
            input_spec=asdict(network.input_spec),
            data={"name": "x", "images": 4, "identity": "photos"},
            form=form,
            keys={"int8": "artefact"},
        )
        found[form] = notes
    assert found["torchscript"].results == []
    assert found["torchscript"].notes == [
        "torchscript int8 is left out: it has no kernels with int8 weights and float activations"
    ]
    (kind, exported), *_ = found["onnx"].results
    assert kind == "exported" and all(entry.parity.passed for entry in exported.artefacts)
