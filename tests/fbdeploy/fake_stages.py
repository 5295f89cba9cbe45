"""Stages without networks, for tests of the pipeline itself: quick, and able to fail on demand.

Files are the format's and precision's name plus what is in the weights file; ``fake_plan`` tells
what goes wrong.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.known import Prepared, Quantized
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.stages import Stages
from fbdeploy.pipeline.steps.bench import BenchArguments
from fbdeploy.pipeline.steps.bundle import BundleArguments
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments
from fbdeploy.pipeline.steps.export import ExportArguments, Exported
from fbdeploy.pipeline.steps.prepare import PrepareArguments
from fbdeploy.pipeline.steps.reference import ReferenceArguments
from fbdeploy.pipeline.steps.train import TrainArguments
from fbdeploy.pipeline.workers.jobs import Reporter
from fbdeploy.records.builds import precision_of, program_of
from fbdeploy.records.fidelity import Fidelity
from fbdeploy.records.manifest import (
    Artefact,
    DatasetInfo,
    Failure,
    NetworkInfo,
    Parity,
    Quantization,
    RecipeInfo,
    Weights,
    now,
)
from fbdeploy.records.predictions import write_predictions
from fbdeploy.records.results import Comparison, EvaluationLine, ScoreInfo
from runtime_bench.machine.device import describe
from runtime_bench.measurement import LOCAL
from tests.fbdeploy.check.outputs import predictions
from tests.fbdeploy.fake_latency import timed
from tests.fbdeploy.fake_plan import called, misbehave, plan
from tests.fbdeploy.samples import digest
from zoo.files import atomic_file, atomic_folder, sha256_of
from zoo.input_spec import InputSpec


def prepare(report: Reporter, asked: PrepareArguments) -> None:
    request = asked.request
    called("prepare")
    print("a library that prints on stdout", flush=True)
    report.progress("loading", 0.5)
    misbehave("prepare")
    weights = Path(request.weights).read_text() if request.weights else ""
    source = request.check_images
    data = DatasetInfo(name=source, images=4, identity=plan().get("identity", source))
    report.result(
        Prepared(
            network_key=key_of(weights=weights),
            network=NetworkInfo(
                name=request.network,
                source="user",
                parameters=plan().get("parameters", 1000),
                num_classes=2,
            ),
            weights=Weights(origin="test", sha256=digest(weights)),
            input_spec=InputSpec(
                height=8,
                width=8,
                mean=(0.0, 0.0, 0.0),
                std=(1.0, 1.0, 1.0),
                crop_pct=1.0,
                interpolation="bilinear",
            ),
            labels=("a", "b"),
            evaluation_data=None if request.data is None else data,
            check_data=data,
        ),
    )
    if not {"int8", "int8-qat"} & set(request.builds):
        return
    key = key_of(weights=weights, recipe=request.recipe)
    made = asked.known_programs.get("ptq")
    if made is None or made.key != key:
        called("quantize")
        made = _quantization(request, key)
    report.result(Quantized(program="ptq", quantization=made))
    trained = asked.known_programs.get("qat")
    if "int8-qat" in request.builds and trained and trained.key == key_of(start=key):
        report.result(Quantized(program="qat", quantization=trained))


def train(report: Reporter, asked: TrainArguments) -> None:
    called("train")
    misbehave("train")
    made = _quantization(asked.request, key_of(start=asked.start))
    report.result(Quantized(program="qat", quantization=made))


def _quantization(asked: DeployRequest, key: str) -> Quantization:
    faithful = plan().get("faithful", True)
    return Quantization(
        fidelity=Fidelity(
            images=4,
            held_out=True,
            sqnr_db=30.0 if faithful else 4.9,
            agreement=1.0 if faithful else 0.25,
            criterion="at least 15 dB",
            passed=faithful,
        ),
        key=key,
        ranges_sha256=digest(key),
        calibration=DatasetInfo(name=asked.calibration or "", images=4, identity="c"),
        recipe=RecipeInfo(name=asked.recipe, sha256=digest(asked.recipe), values={}),
        seconds=0.1,
    )


def reference(report: Reporter, asked: ReferenceArguments) -> None:
    called("reference")
    misbehave("reference")
    report.note("one image is left out")


def export(report: Reporter, asked: ExportArguments) -> None:
    for build in asked.request.builds:
        if build not in asked.keys:
            continue
        called(f"export {asked.format} {build}")
        path = asked.request.output / build / f"model.{asked.format}"
        with atomic_file(path) as temporary:
            temporary.write_text(f"{asked.format} {build} {asked.keys[build]}")
            misbehave(f"{asked.format} {build}")
        if plan().get(f"{asked.format} {build}") == "reported":
            report.result(Failure.of(asked.format, build, "export", "has no such kernel"))
            continue
        made = Artefact(
            key=asked.keys[build],
            format=asked.format,
            precision=precision_of(build),
            program=program_of(build),
            path=path.relative_to(asked.request.output).as_posix(),
            sha256=sha256_of(path),
            bytes=path.stat().st_size,
            runtime="fake",
            runtime_version="1",
            parity=Parity(
                reference="float network",
                images=4,
                max_abs=0.0,
                relative=0.0,
                agreement=1.0,
                criterion="always",
                passed=plan().get("parity", True),
            ),
            seconds=0.1,
        )
        report.result(Exported(artefacts=(made,)))


def evaluate(report: Reporter, asked: EvaluateArguments) -> None:
    labels = np.arange(4, dtype=np.int32) % 2
    for entry in asked.artefacts:
        called(f"evaluate {entry.format} {entry.build}")
        misbehave(f"evaluate {entry.format}")
        key = key_of(artefact=entry.sha256, data=asked.data.identity)
        answers = predictions(
            digest(asked.request.check_images), tuple("abcd"), labels, labels[::-1], labels
        )
        report.result(
            EvaluationLine(
                key=key,
                time=now(),
                format=entry.format,
                precision=entry.precision,
                program=entry.program,
                sha256=entry.sha256,
                dataset=asked.data,
                images=4,
                scores=(
                    ScoreInfo(
                        metric="top1",
                        value=0.75,
                        interval=(0.3, 0.95),
                        reference=0.75,
                        difference=0.0,
                        difference_interval=(-0.2, 0.2),
                        p=1.0,
                    ),
                    ScoreInfo(metric="top5", value=1.0),
                    ScoreInfo(metric="agreement", value=1.0),
                ),
                top1=0.75,
                top5=1.0,
                top1_interval=(0.3, 0.95),
                comparison=Comparison(
                    reference="float network",
                    top1=0.75,
                    agreement=1.0,
                    kl=0.0,
                    top1_difference=0.0,
                    difference_interval=(-0.2, 0.2),
                    mcnemar_p=1.0,
                ),
                predictions=write_predictions(asked.request.output, key, answers),
                seconds=0.1,
            ),
        )


def bundle(report: Reporter, asked: BundleArguments) -> None:
    misbehave("bundle")
    with atomic_folder(asked.request.output / "demo_bundle", ("model_config.json",)) as temporary:
        temporary.mkdir()
        (temporary / "model_config.json").write_text("{}")


def bench(report: Reporter, asked: BenchArguments) -> None:
    called("bench")
    misbehave("bench")
    threads = asked.request.threads
    for number, entry in enumerate(asked.artefacts):
        found = timed(entry, LOCAL, threads, 1.0 + number)
        report.result(found.model_copy(update={"device": describe()}))


STAGES = Stages(prepare, train, reference, export, evaluate, bundle, bench)
