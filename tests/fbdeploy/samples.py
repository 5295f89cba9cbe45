"""A manifest and its measurements, made up for tests of what reads them."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from export.coverage import Coverage, Island
from fbdeploy.records.manifest import (
    Artefact,
    DatasetInfo,
    Environment,
    Manifest,
    NetworkInfo,
    Parity,
    Quantization,
    RecipeInfo,
    Step,
    Weights,
)
from fbdeploy.records.results import Comparison, EvaluationLine, Line, ScoreInfo
from fbdeploy.records.sensitivity import LayerRow, SensitivityDocument
from runtime_bench.measurement import Device, LatencySummary, Measurement
from zoo.input_spec import InputSpec

TIME = "2026-01-02T03:04:05+00:00"
IMAGES = 2000
DATA = DatasetInfo(name="fashion-mnist", images=IMAGES, identity="abc")
FLOAT_TOP1 = 0.9345

# Format, precision, MB, top-1 difference, agreement, median ms, int8 share, delegated share
ROWS = (
    ("executorch", "fp32", 16.4, 0.0, 1.0, 3.42, 0.0, 1.0),
    ("executorch", "int8", 4.31, -0.0005, 0.9935, 1.61, 0.998, 1.0),
    ("torchscript", "fp32", 16.5, 0.0, 1.0, 5.03, 0.0, None),
    ("torchscript", "int8", 4.52, -0.0015, 0.992, 2.92, 0.994, None),
    ("onnx", "fp32", 16.3, 0.0, 1.0, 2.81, 0.0, None),
    ("onnx", "int8", 4.22, 0.001, 0.9925, 1.63, 0.994, None),
    ("coreml", "fp32", 16.3, 0.0, 1.0, None, 0.0, None),
    ("coreml", "int8", 4.25, -0.0005, 0.993, None, 1.0, None),
    ("litert", "fp32", 16.3, 0.0, 1.0, 3.3, 0.0, 1.0),
    ("litert", "int8", 4.28, -0.018, 0.964, 1.12, 0.93, 0.88),
)
SUFFIX = {"executorch": "pte", "torchscript": "pt", "onnx": "onnx", "coreml": "mlpackage"}


def told(top1: float | None, agreement: float | None, **more: Any) -> tuple[ScoreInfo, ...]:
    """A classifier's scores; ``more`` is what is told of its top-1."""
    found = [] if top1 is None else [ScoreInfo(metric="top1", value=top1, **more)]
    if agreement is not None:
        found.append(ScoreInfo(metric="agreement", value=agreement))
    return tuple(found)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sample() -> tuple[Manifest, list[Line]]:
    """Ten artefacts of one network: a tie at the top and a faster one that loses accuracy."""
    rng = random.Random(5)
    artefacts, lines = [], []
    for form, precision, megabytes, difference, agreement, p50, int8, delegated in ROWS:
        sha = digest(form + precision)
        islands = ()
        if form == "litert" and precision == "int8":
            islands = (
                Island(
                    operators=("HARD_SWISH", "MUL", "MUL"),
                    kind="between int8",
                    reason="no kernel",
                    macs=0,
                    elements=120_000,
                    share=0.05,
                ),
                Island(
                    operators=("MEAN",),
                    kind="outside the delegate",
                    macs=0,
                    elements=20_000,
                    share=0.01,
                ),
            )
        artefacts.append(
            Artefact(
                key=sha[:16],
                format=form,
                precision=precision,
                program="ptq" if precision == "int8" else "",
                path=f"{precision}/model.{SUFFIX.get(form, 'tflite')}",
                sha256=sha,
                bytes=int(megabytes * 1e6),
                runtime=form,
                runtime_version="1.2.3",
                parity=Parity(
                    reference="float network" if precision == "fp32" else "quantized program",
                    images=32,
                    max_abs=3.1e-6 if precision == "fp32" else 0.118,
                    relative=4.2e-7 if precision == "fp32" else 0.0121,
                    agreement=1.0,
                    criterion="relative at most 1e-4",
                    passed=True,
                ),
                coverage=Coverage(
                    int8_share=int8,
                    delegated_share=delegated,
                    operators={"conv": 40, "add": 9},
                    islands=islands,
                ),
                preparation=("hard-swish as multiply", "pad folded") if precision != "fp32" else (),
                seconds=7.5,
            )
        )
        top1 = FLOAT_TOP1 + difference
        half = 0.0004 + abs(difference) / 2 if precision != "fp32" else 0.0
        lines.append(
            EvaluationLine(
                key=digest("e" + sha)[:16],
                time=TIME,
                format=form,
                precision=precision,
                program="ptq" if precision == "int8" else "",
                sha256=sha,
                dataset=DATA,
                images=IMAGES,
                scores=told(
                    top1,
                    agreement,
                    interval=(top1 - 0.011, top1 + 0.010),
                    reference=FLOAT_TOP1,
                    difference=difference,
                    difference_interval=(difference - half, difference + half),
                    p=0.0001 if difference < -0.01 else 0.6,
                ),
                top1=top1,
                top5=0.999,
                top1_interval=(top1 - 0.011, top1 + 0.010),
                comparison=Comparison(
                    reference="float network",
                    top1=FLOAT_TOP1,
                    agreement=agreement,
                    kl=0.0 if precision == "fp32" else 0.0013,
                    top1_difference=difference,
                    difference_interval=(difference - half, difference + half),
                    mcnemar_p=0.0001 if difference < -0.01 else 0.6,
                ),
                seconds=9.0,
            )
        )
        if p50 is None:
            continue
        samples = tuple(int(1e6 * p50 * (1 + abs(rng.gauss(0, 0.04)))) for _ in range(60))
        lines.append(
            Measurement(
                kind="measured",
                created=TIME,
                artefact=artefacts[-1].path,
                sha256=sha,
                format=form,
                precision=precision,
                target="local",
                device=Device(name="a made-up processor", cores=2),
                threads=1,
                runtime=form,
                runtime_version="1.2.3",
                mode="quick",
                session="one",
                interleaved_with=("the others",),
                warmup_runs=10,
                samples_ns=samples,
                latency_ms=LatencySummary(
                    runs=len(samples),
                    p50=p50,
                    p90=p50 * 1.08,
                    p99=p50 * 1.31,
                    p50_interval=(p50 * 0.985, p50 * 1.015),
                    minimum=p50 * 0.95,
                    mean=p50 * 1.02,
                    iqr=p50 * 0.05,
                    cv=0.04,
                ),
            )
        )
    manifest = Manifest(
        fbdeploy_version="0.1.0",
        created=TIME,
        updated=TIME,
        network=NetworkInfo(
            name="fbnetv2_f1",
            source="fbdeploy",
            parameters=4_113_022,
            macs=20_431_872,
            num_classes=10,
        ),
        weights=Weights(origin="embedded", sha256=digest("weights"), note="Fashion-MNIST"),
        input_spec=InputSpec(
            height=128,
            width=128,
            mean=(0.286, 0.286, 0.286),
            std=(0.353, 0.353, 0.353),
            crop_pct=1.0,
            interpolation="bilinear",
        ),
        labels=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat") + ("x",) * 5,
        evaluation_data=DATA,
        quantizations={
            "ptq": Quantization(
                key="0123456789abcdef",
                ranges_sha256=digest("ranges"),
                calibration=DatasetInfo(
                    name="fashion-mnist-calibration", images=512, identity="def"
                ),
                recipe=RecipeInfo(
                    name="ptq-fast", sha256=digest("recipe"), values={"method": "ptq"}
                ),
                steps=(
                    Step(
                        name="bias correction",
                        kept=True,
                        reason="held-out divergence fell by 21 %",
                        divergence_before=0.0021,
                        divergence_after=0.00166,
                    ),
                    Step(
                        name="cross-layer equalization",
                        kept=False,
                        reason="held-out divergence rose",
                        divergence_before=0.00166,
                        divergence_after=0.00171,
                    ),
                ),
                held_out_images=128,
                held_out_divergence=0.00166,
                held_out_agreement=0.992,
                sqnr_db=22.4,
                float_operators=("stages.0.0.conv",),
                seconds=31.0,
            )
        },
        artefacts=tuple(artefacts),
        environment=Environment(
            python="3.11.7",
            platform="Linux x86_64",
            cpu="a made-up processor",
            cores=2,
            memory_bytes=24_000_000_000,
            versions={"torch": "2.14.1", "executorch": "1.5.1", "onnxruntime": "1.31.1"},
        ),
    )
    return manifest, lines


PHONE = Device(name="Maker Phone 1", cores=8, os="android 15")


def on_phone(lines: list[Line], medians: dict[str, float], **more: Any) -> list[Measurement]:
    """The sample's latencies of some artefacts by path, as if a phone had taken them: medians in
    milliseconds; ``more`` are fields of the measurements."""
    told: dict[str, Any] = {"target": "adb://P1", "device": PHONE} | more
    found = []
    for line in lines:
        if not isinstance(line, Measurement) or line.artefact not in medians:
            continue
        assert line.latency_ms is not None
        p50 = medians[line.artefact]
        factor = p50 / line.latency_ms.p50
        values = {
            "p50": p50,
            "p90": factor * line.latency_ms.p90,
            "p99": factor * line.latency_ms.p99,
        }
        interval = {"p50_interval": (0.99 * p50, 1.01 * p50)}
        times = line.latency_ms.model_copy(update=values | interval)
        found.append(line.model_copy(update={"latency_ms": times} | told))
    return found


def sample_sensitivity() -> SensitivityDocument:
    """Errors of the sample's layers, from a tenth of a nat down to nothing."""
    layers = tuple(
        LayerRow(
            layer=f"stages.{i // 4}.{i % 4}.layers.depthwise.conv",
            operator="conv2d" if i % 5 else "add",
            position=1 + (7 * i) % 60,
            macs=20_000 * (i + 1) if i % 5 else 0,
            macs_share=0.001 * (i + 1) if i % 5 else 0.0,
            sqnr_db=9.4 + 0.6 * i,
            weight_sqnr_db=12.0 + 0.6 * i if i % 5 else None,
            activation_sqnr_db=13.0 + 0.6 * i,
            kl_alone=0.0 if i > 55 else 0.1 * 0.85**i,
            kl_without=0.2 - 0.1 * 0.85**i,
        )
        for i in range(60)
    )
    return SensitivityDocument(
        fbdeploy_version="0.1.0",
        created=TIME,
        network="fbnetv2_f1",
        weights_sha256=digest("weights"),
        height=128,
        width=128,
        recipe="ptq-fast",
        calibration="fashion-mnist-calibration",
        images=64,
        kl=0.2,
        layers=layers,
        seconds=20.0,
    )
