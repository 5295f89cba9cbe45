"""The stages themselves, in this process, on a network of two layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fbdeploy.pipeline.known import Prepared
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from fbdeploy.pipeline.running import StepArguments
from fbdeploy.pipeline.steps import evaluate as evaluate_step
from fbdeploy.pipeline.steps import images
from fbdeploy.pipeline.steps import reference as reference_step
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments
from fbdeploy.pipeline.steps.evaluate import evaluate as score
from fbdeploy.pipeline.steps.export import ExportArguments, Exported, export
from fbdeploy.pipeline.steps.parts import PartArguments, answer
from fbdeploy.pipeline.steps.prepare import PrepareArguments, captured_graph, prepare
from fbdeploy.pipeline.steps.reference import ReferenceArguments, reference
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.pipeline.workers.jobs import Model, Result, Work
from fbdeploy.pipeline.workers.worker import LineReporter
from fbdeploy.records.fidelity import FloatCheck
from fbdeploy.records.predictions import images_sha256, read_predictions
from fbdeploy.records.results import EvaluationLine
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.accuracy import evaluate
from runtime_bench.runtimes import RUNTIMES
from tests.quantize.small_networks import noise_images, tiny_network
from zoo.datasets import batches, open_dataset
from zoo.documents import Schema
from zoo.input_spec import InputSpec

NETWORK = """
import torch
def build():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(8, 4))
"""


def _photos(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    lines = ["image,label"]
    (folder / "images").mkdir(parents=True)
    for number in range(20):
        name = f"images/{number}.png"
        colour = generator.integers(0, 256, 3)
        pixels = np.clip(colour + generator.integers(-40, 40, (16, 16, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
        lines.append(f"{name},{number % 4}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def _result(work: Work[Any], asked: StepArguments, kind: type[Model]) -> Model:
    """The one thing of a kind that a step's worker hands over."""
    sent: list[Schema] = []
    work(LineReporter(sent.append), asked)
    results = [message for message in sent if isinstance(message, Result)]
    assert [result.kind for result in results if result.kind == "Failure"] == []
    (found,) = (value for value in (result.read(kind) for result in results) if value is not None)
    return found


def _exporting(request: DeployRequest, prepared: Prepared) -> ExportArguments:
    """The export of the one artefact that is asked for."""
    (fmt,), (build,) = request.formats, request.builds
    return ExportArguments(
        request=request,
        network_key=prepared.network_key,
        input_spec=prepared.input_spec,
        data=prepared.evaluation_data,
        format=fmt,
        keys={build: "key"},
    )


def _request(folder: Path) -> DeployRequest:
    """One artefact, scored on 15 of 20 photos."""
    (folder / "net.py").write_text(NETWORK)
    photos = _photos(folder / "photos")
    return DeployRequest(
        network=f"{folder / 'net.py'}:build",
        num_classes=4,
        input=InputOptions(size=(16, 16), mean=(0.5,) * 3, std=(0.5,) * 3),
        data=str(photos),
        calibration=str(photos),
        formats=("torchscript",),
        builds=("fp32",),
        recipe="ptq",
        output=folder / "out",
        images=15,
    )


def test_evaluate_keeps_what_the_artefact_answered(tmp_path: Path) -> None:
    request = _request(tmp_path)
    photos, output = tmp_path / "photos", request.output
    prepared = _result(prepare, PrepareArguments(request=request, known_programs={}), Prepared)
    key, data = prepared.network_key, prepared.evaluation_data
    asked = ReferenceArguments(request=request, network_key=key, data=data)
    judged = _result(reference, asked, FloatCheck)
    (artefact,) = _result(export, _exporting(request, prepared), Exported).artefacts
    scoring = EvaluateArguments(request=request, network_key=key, artefacts=(artefact,), data=data)
    line = _result(score, scoring, EvaluationLine)
    # The kept answers are taken, and made again where they are damaged.
    assert _result(reference, asked, FloatCheck) == judged
    WorkFolder.of(output).reference(key, data.identity).write_bytes(b"cut off")
    assert _result(reference, asked, FloatCheck) == judged
    assert judged.images == 15 and judged.top1 == line.top1
    assert line.predictions == f"predictions/{line.key}.npz"
    kept = read_predictions(output / line.predictions)
    spec = InputSpec(16, 16, mean=(0.5,) * 3, std=(0.5,) * 3)
    session = RUNTIMES["torchscript"].load(output / artefact.path, 1)
    again = evaluate(session, batches(open_dataset(photos), spec, 4, 15))
    assert kept.names == again.names and len(kept.names) == line.images == 15
    assert np.array_equal(kept.labels, again.labels)
    assert [p.classes for p in kept.predictions] == [p.classes for p in again.predictions]
    answers = np.array([p.classes[0] for p in kept.predictions])
    # fp32 answers as the float network does.
    assert [p.classes[0] for p in kept.reference] == answers.tolist()
    assert len(set(answers.tolist())) > 1
    assert line.top1 == np.mean(answers == kept.labels)
    assert np.array_equal(kept.parts["top1"][:, 0], answers == kept.labels)
    top1, top5, agreement = line.scores
    assert (top1.metric, top1.value, top1.reference) == ("top1", line.top1, line.top1)
    assert (top5.metric, top5.value) == ("top5", line.top5)
    assert (agreement.metric, agreement.value, agreement.p) == ("agreement", 1.0, None)
    assert kept.images_sha256 == images_sha256(open_dataset(photos), again.names)


def test_answers_in_parts_are_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kept answers and the line, of four batches as a whole and in three parts; and a part that
    is missing costs time alone."""
    monkeypatch.setattr(images, "BATCH", 4)
    request = _request(tmp_path)
    prepared = _result(prepare, PrepareArguments(request=request, known_programs={}), Prepared)
    key, data = prepared.network_key, prepared.evaluation_data
    (artefact,) = _result(export, _exporting(request, prepared), Exported).artefacts
    work = WorkFolder.of(request.output)
    common = {"request": request, "network_key": key, "data": data}
    runs: list[str] = []
    for step in (reference_step, evaluate_step):
        run = step._run
        monkeypatch.setattr(step, "_run", lambda *a, run=run: (runs.append("whole"), run(*a))[1])

    def scored() -> tuple[object, ...]:
        _result(reference, ReferenceArguments(**common), FloatCheck)
        line = _result(score, EvaluateArguments(artefacts=(artefact,), **common), EvaluationLine)
        files = [work.reference(key, data.identity), request.output / str(line.predictions)]
        contents = [file.read_bytes() for file in files]
        for file in files:
            file.unlink()
        return line.model_copy(update={"time": "", "seconds": 0.0}), contents

    whole = scored()
    assert runs == ["whole"] * 2
    for number in range(3):
        for artefacts in ((), (artefact,)):
            part = PartArguments(artefacts=artefacts, number=number, of=3, **common)
            answer(LineReporter(lambda message: None), part)
    assert scored() == whole and runs == ["whole"] * 2
    next(work.parts(artefact.sha256, data.identity).rglob("1.npz")).unlink()
    assert scored() == whole and runs == ["whole"] * 3
    work.prune(key, (data.identity,), ())
    assert not list(work.path.glob("answers-*"))


def test_a_program_is_the_same_whether_its_graph_was_kept(tmp_path: Path) -> None:
    """As after an interruption between capture and quantization."""
    network, recipe, noise = tiny_network(), load_recipe("ptq-fast"), noise_images(16)
    for name in ("undisturbed", "resumed"):
        captured = captured_graph(WorkFolder(tmp_path / "work"), network, "key")
        quantize_captured(captured, network, noise, recipe).save(tmp_path / name)
    for file in ("program.json", "program.safetensors"):
        contents = {(tmp_path / name / file).read_bytes() for name in ("undisturbed", "resumed")}
        assert len(contents) == 1
