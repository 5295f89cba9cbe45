"""Stages without networks, for tests of the pipeline itself: quick, and able to fail on demand.

Files are the format's and precision's name plus what is in the weights file. The file named by
FAKE_PLAN tells, in JSON, what is to go wrong, and every call is counted in ``calls`` beside it.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from fbdeploy.manifest import (
    Artefact,
    DatasetInfo,
    Failure,
    InputSpecInfo,
    NetworkInfo,
    Parity,
    Quantization,
    RecipeInfo,
    Weights,
    now,
)
from fbdeploy.pipeline.deploy import Exported, Prepared, Quantized, Stages
from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.worker import Reporter
from fbdeploy.results import Comparison, EvaluationLine
from runtime_bench.measurement import Device, LatencySummary, Measurement
from tests.fbdeploy.samples import digest
from zoo.errors import InputError
from zoo.files import atomic_path, sha256_of

STAGES = Stages(
    **{
        name: f"tests.fbdeploy.fake_stages:{name}"
        for name in ("prepare", "reference", "export", "evaluate", "bundle", "bench")
    }
)


def _plan() -> dict[str, Any]:
    return json.loads(Path(os.environ["FAKE_PLAN"]).read_text())


def _called(what: str) -> None:
    with Path(os.environ["FAKE_PLAN"]).with_name("calls").open("a") as stream:
        stream.write(what + "\n")


def _misbehave(step: str) -> None:
    """Do what the plan has for this step."""
    action = _plan().get(step)
    if action == "input":
        raise InputError(f"{step}: bad input; mend it")
    if action == "crash":
        raise RuntimeError(f"{step} went wrong\nin two lines")
    if action == "die":
        print("last words", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if action == "full":
        raise InputError(f"{step}: no room") from OSError(errno.ENOSPC, "No space left on device")
    if action == "wait":
        Path(os.environ["FAKE_PLAN"]).with_name("waiting").touch()
        time.sleep(600)


def prepare(
    report: Reporter, *, request: dict[str, Any], work: str, known_programs: dict[str, Any]
) -> None:
    asked = DeployRequest.model_validate(request)
    _called("prepare")
    print("a library that prints on stdout", flush=True)
    report.progress("loading", 0.5)
    _misbehave("prepare")
    weights = Path(asked.weights).read_text() if asked.weights else ""
    report.result(
        "prepared",
        Prepared(
            network_key=key_of(weights=weights),
            network=NetworkInfo(
                name=asked.network,
                source="user",
                parameters=_plan().get("parameters", 1000),
                num_classes=2,
            ),
            weights=Weights(origin="test", sha256=digest(weights)),
            input_spec=InputSpecInfo(
                height=8,
                width=8,
                mean=(0.0, 0.0, 0.0),
                std=(1.0, 1.0, 1.0),
                crop_pct=1.0,
                interpolation="bilinear",
            ),
            labels=("a", "b"),
            evaluation_data=DatasetInfo(name=asked.data, images=4, identity=asked.data),
        ),
    )
    if "int8" not in asked.precisions:
        return
    key = key_of(weights=weights, recipe=asked.recipe)
    known = known_programs.get("int8")
    if known and known["key"] == key:
        made = Quantization.model_validate(known)
    else:
        _called("quantize")
        made = Quantization(
            key=key,
            ranges_sha256=digest(key),
            calibration=DatasetInfo(name="c", images=4, identity="c"),
            recipe=RecipeInfo(name=asked.recipe, sha256=digest(asked.recipe), values={}),
            seconds=0.1,
        )
    report.result("quantized", Quantized(precision="int8", quantization=made))


def reference(report: Reporter, *, request: dict[str, Any], work: str, network_key: str) -> None:
    _called("reference")
    _misbehave("reference")
    report.note("one image is left out")


def export(
    report: Reporter,
    *,
    request: dict[str, Any],
    work: str,
    network_key: str,
    form: Any,
    keys: dict[str, str],
) -> None:
    asked = DeployRequest.model_validate(request)
    for precision in asked.precisions:
        if precision not in keys:
            continue
        _called(f"export {form} {precision}")
        path = asked.output / precision / f"model.{form}"
        with atomic_path(path) as temporary:
            temporary.write_text(f"{form} {precision} {keys[precision]}")
            _misbehave(f"{form} {precision}")
        if _plan().get(f"{form} {precision}") == "reported":
            failure = Failure(
                format=form, precision=precision, step="export", message="has no such kernel"
            )
            report.result("failure", failure)
            continue
        made = Artefact(
            key=keys[precision],
            format=form,
            precision=precision,
            path=path.relative_to(asked.output).as_posix(),
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
                passed=_plan().get("parity", True),
            ),
            seconds=0.1,
        )
        report.result("exported", Exported(artefacts=(made,)))


def evaluate(
    report: Reporter,
    *,
    request: dict[str, Any],
    work: str,
    network_key: str,
    artefacts: list[dict[str, Any]],
    data: dict[str, Any],
) -> None:
    for entry in (Artefact.model_validate(value) for value in artefacts):
        _called(f"evaluate {entry.format} {entry.precision}")
        _misbehave(f"evaluate {entry.format}")
        report.result(
            "evaluated",
            EvaluationLine(
                key="k",
                time=now(),
                format=entry.format,
                precision=entry.precision,
                sha256=entry.sha256,
                dataset=DatasetInfo.model_validate(data),
                images=4,
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
                seconds=0.1,
            ),
        )


def bundle(report: Reporter, *, request: dict[str, Any], work: str) -> None:
    _misbehave("bundle")
    asked = DeployRequest.model_validate(request)
    with atomic_path(asked.output / "demo_bundle") as temporary:
        temporary.mkdir()
        (temporary / "golden.json").write_text("{}")


def bench(
    report: Reporter, *, request: dict[str, Any], work: str, artefacts: list[dict[str, Any]]
) -> None:
    _called("bench")
    _misbehave("bench")
    for number, entry in enumerate(Artefact.model_validate(value) for value in artefacts):
        times = LatencySummary(
            runs=3,
            p50=1.0 + number,
            p90=2.0 + number,
            p99=3.0 + number,
            p50_interval=(0.9 + number, 1.1 + number),
            minimum=0.9,
            mean=1.1,
            iqr=0.1,
            cv=0.1,
        )
        report.result(
            "timed",
            Measurement(
                kind="measured",
                created=now(),
                artefact=entry.path,
                sha256=entry.sha256,
                format=entry.format,
                precision=entry.precision,
                target="local",
                device=Device(name="fake", cores=1),
                threads=DeployRequest.model_validate(request).threads,
                runtime="fake",
                runtime_version="1",
                mode="quick",
                session="one",
                samples_ns=(1_000_000, 1_100_000, 1_200_000),
                latency_ms=times,
            ),
        )
