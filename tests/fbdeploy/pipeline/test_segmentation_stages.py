"""The stages in this process, on a segmenter of one's own that returns ``out`` and ``aux``."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import fbdeploy
from export.description import Description
from fbdeploy.pipeline.known import Prepared, Quantized
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from fbdeploy.pipeline.running import StepArguments
from fbdeploy.pipeline.steps.bundle import BundleArguments, bundle
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments
from fbdeploy.pipeline.steps.evaluate import evaluate as score
from fbdeploy.pipeline.steps.export import ExportArguments, Exported, export
from fbdeploy.pipeline.steps.prepare import PrepareArguments, prepare
from fbdeploy.pipeline.steps.reference import ReferenceArguments, reference
from fbdeploy.pipeline.workers.jobs import Result, Work
from fbdeploy.pipeline.workers.worker import LineReporter
from fbdeploy.records.fidelity import FloatCheck
from fbdeploy.records.manifest import Artefact
from fbdeploy.records.predictions import read_predictions
from fbdeploy.records.results import EvaluationLine
from zoo.datasets import Sample
from zoo.documents import Schema
from zoo.errors import InputError

NETWORK = """
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.Hardswish())
        self.coarse = nn.Sequential(nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 16, 1), nn.Sigmoid())
        self.head, self.aux = nn.Conv2d(32, 3, 1), nn.Conv2d(16, 3, 1)

    def forward(self, x):
        fine = self.fine(x)
        coarse = self.coarse(fine)
        gated = coarse * self.gate(coarse)
        up = F.interpolate(gated, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        logits = self.head(torch.cat([fine, up], 1))
        size = x.shape[-2:]
        out = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return {"out": out, "aux": self.aux(fine)}

def build():
    torch.manual_seed(3)
    return Net()
"""


def _results(work: Work, asked: StepArguments) -> list[Result]:  # type: ignore[type-arg]
    sent: list[Schema] = []
    work(LineReporter(sent.append), asked)
    results = [message for message in sent if isinstance(message, Result)]
    assert [result.kind for result in results if result.kind == "Failure"] == [], results
    return results


def _of(results: list[Result], kind: type) -> list:  # type: ignore[type-arg]
    return [value for value in (result.read(kind) for result in results) if value is not None]


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> DeployRequest:
    """Pictures of three colours, whose masks say which; the last row does not count."""
    root = tmp_path_factory.mktemp("segmenter")
    (root / "net.py").write_text(NETWORK)
    generator = np.random.default_rng(0)
    for part in ("images", "masks"):
        (root / "data" / part).mkdir(parents=True)
    for number in range(16):
        mask = generator.integers(0, 3, (4, 4)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        noise = generator.integers(0, 60, (32, 32, 3))
        pixels = np.where(mask[..., None] == np.arange(3), 180, 0) + noise
        mask[-1] = 255
        Image.fromarray(pixels.astype(np.uint8)).save(root / "data/images" / f"{number:02d}.png")
        Image.fromarray(mask).save(root / "data/masks" / f"{number:02d}.png")
    return DeployRequest(
        network=f"{root / 'net.py'}:build",
        input=InputOptions(size=(32, 32), mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=1.0),
        data=str(root / "data"),
        calibration=str(root / "data"),
        formats=("torchscript", "onnx"),
        builds=("fp32", "int8"),
        recipe="ptq-fast",
        output=root / "out",
        images=12,
        output_forms=("classes",),
    )


def test_every_stage(request_of: DeployRequest) -> None:
    found = _results(prepare, PrepareArguments(request=request_of, known_programs={}))
    (prepared,), (quantized,) = _of(found, Prepared), _of(found, Quantized)
    network = prepared.network
    assert (network.task, network.num_classes) == ("segmentation", 3)
    (output,) = network.outputs
    assert (output.name, output.shape) == ("logits", (1, 3, 32, 32))
    fidelity = quantized.quantization.fidelity
    assert fidelity.passed and "the same class on 50 % of the pixels of" in fidelity.criterion
    key, data = prepared.network_key, prepared.evaluation_data
    asked = ReferenceArguments(request=request_of, network_key=key, data=data)
    (judged,) = _of(_results(reference, asked), FloatCheck)
    # Kept answers know their targets, too.
    assert _of(_results(reference, asked), FloatCheck) == [judged]
    artefacts: list[Artefact] = []
    for form in request_of.formats:
        exporting = ExportArguments(
            request=request_of,
            network_key=key,
            input_spec=prepared.input_spec,
            data=data,
            format=form,
            description=Description(
                "net", "segmentation", ("a", "b", "c"), prepared.input_spec, "ab" * 32, "1.2.3"
            ),
            keys={"fp32": f"{form}-fp32", "int8": f"{form}-int8"},
        )
        made = _of(_results(export, exporting), Exported)
        artefacts += [entry for one in made for entry in one.artefacts]
    assert {(entry.format, entry.precision) for entry in artefacts} == {
        (form, precision) for form in request_of.formats for precision in ("fp32", "int8")
    }
    for entry in artefacts:
        assert entry.parity is not None and entry.parity.passed
        assert (entry.output == "classes") == entry.variant.endswith("classes")
        # All convolutions, though the head lies behind a resize and a gate; s8s8 is for ARM.
        if entry.precision == "int8" and not entry.variant:
            assert entry.coverage is not None and entry.coverage.int8_share == 1.0
            assert entry.parity.sqnr_db is None or entry.parity.sqnr_db >= 24
        if entry.output == "classes":
            assert entry.parity.reference == "own logits" and entry.parity.agreement > 0.999
    scoring = EvaluateArguments(
        request=request_of, network_key=key, artefacts=tuple(artefacts), data=data
    )
    lines = _of(_results(score, scoring), EvaluationLine)
    for entry, line in zip(artefacts, lines, strict=True):
        miou, accuracy, alike = line.scores
        assert (miou.metric, accuracy.metric, alike.metric) == (
            *("miou", "pixel_accuracy", "pixel_agreement"),
        )
        assert line.top1 is None and line.comparison is None
        assert miou.reference is not None and miou.difference_interval is not None
        # Of resized and placed masks, those pixels that count.
        assert accuracy.reference == pytest.approx(judged.top1)
        if entry.precision == "fp32":
            assert miou.difference == pytest.approx(0, abs=1e-3) and alike.value > 0.999
        else:
            assert alike.value > 0.9
        kept = read_predictions(request_of.output / (line.predictions or ""))
        assert kept.parts["miou"].shape == (12, 9)
        assert kept.parts["miou"][:, :3].sum() == 12 * 31 * 32
        assert kept.predictions[0].classes.pixels().shape == (32, 32)


def test_classes_by_their_own_words(request_of: DeployRequest, tmp_path: Path) -> None:
    """A file that gives classes, alone, scores as the file that gives the logits does."""
    found = []
    for name in ("model", "model-classes"):
        shutil.copy(request_of.output / "int8" / f"{name}.onnx", tmp_path)
        evaluated = fbdeploy.evaluate(tmp_path / f"{name}.onnx", data=request_of.data or "")
        found.append({score.metric: score.value for score in evaluated.scores})
    assert found[0]["miou"] == pytest.approx(found[1]["miou"], abs=1e-3)
    assert found[0]["miou"] > 0.1


@pytest.mark.parametrize("data", ["fashion-scenes", "folder"])
def test_golden_images_are_of_the_task_s_data(
    request_of: DeployRequest, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded scenes, or a folder's images and none of its masks."""
    told = SimpleNamespace(network=SimpleNamespace(task="segmentation"))
    packed: list[Sample] = []
    monkeypatch.setattr("fbdeploy.records.manifest.read_manifest", lambda folder: told)
    monkeypatch.setattr(
        "fbdeploy.apps.demo_bundle.write_bundle",
        lambda folder, samples, threads: packed.extend(samples),
    )
    changes = {} if data == "folder" else {"data": data}
    request = request_of.model_copy(update=changes)
    bundle(LineReporter(lambda _: None), BundleArguments(request=request))
    *images, card = packed
    assert len(images) >= 3 and card.name == "reference-card"
    side = 32 if data == "folder" else 128
    assert all(sample.image.size == (side, side) for sample in images)
    if data == "folder":
        assert all(sample.image.mode == "RGB" for sample in images)


def test_output_forms_are_of_segmenters(tmp_path: Path) -> None:
    request = DeployRequest(
        network="default",
        data="fashion-mnist",
        formats=("onnx",),
        builds=("fp32",),
        recipe="ptq",
        output=tmp_path,
        output_forms=("resized",),
    )
    with pytest.raises(InputError, match="default: is for classification, and --output-forms"):
        prepare(LineReporter(lambda _: None), PrepareArguments(request=request, known_programs={}))


def test_data_that_are_no_masks(request_of: DeployRequest, tmp_path: Path) -> None:
    def line(**changes: object) -> str:
        request = request_of.model_copy(update={"output": tmp_path, **changes})
        with pytest.raises(InputError) as error:
            prepare(
                LineReporter(lambda _: None), PrepareArguments(request=request, known_programs={})
            )
        return str(error.value)

    assert "fashion-mnist: no such folder" in line(data="fashion-mnist")
    assert "the network tells 3 apart" in line(data="fashion-scenes")
    (tmp_path / "photos").mkdir()
    assert "photos: has no folder images/" in line(data=str(tmp_path / "photos"))
