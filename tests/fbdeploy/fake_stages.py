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

import numpy as np

from fbdeploy.pipeline.deploy import Exported, Prepared, Quantized, Stages
from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.workers.worker import Reporter
from fbdeploy.records.manifest import (
    Artefact,
    DatasetInfo,
    Failure,
    Fidelity,
    InputSpecInfo,
    NetworkInfo,
    Parity,
    Quantization,
    RecipeInfo,
    Weights,
    now,
)
from fbdeploy.records.predictions import Predictions, write_predictions
from fbdeploy.records.results import Comparison, EvaluationLine
from fbdeploy.sweep.plan import TargetPlan
from runtime_bench.measurement import Counts, Device, LatencySummary, Measurement
from tests.fbdeploy.samples import digest
from zoo.errors import InputError
from zoo.files import atomic_file, atomic_folder, sha256_of

STAGES = Stages(
    **{
        name: f"tests.fbdeploy.fake_stages:{name}"
        for name in ("prepare", "train", "reference", "export", "evaluate", "bundle", "bench")
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
            evaluation_data=DatasetInfo(
                name=asked.data, images=4, identity=_plan().get("identity", asked.data)
            ),
        ),
    )
    if not {"int8", "int8-qat"} & set(asked.precisions):
        return
    key = key_of(weights=weights, recipe=asked.recipe)
    known = known_programs.get("int8")
    if known and known["key"] == key:
        made = Quantization.model_validate(known)
    else:
        _called("quantize")
        made = _quantization(asked, key)
    report.result("quantized", Quantized(precision="int8", quantization=made))
    known = known_programs.get("int8-qat")
    if "int8-qat" in asked.precisions and known and known["key"] == key_of(start=key):
        trained = Quantization.model_validate(known)
        report.result("quantized", Quantized(precision="int8-qat", quantization=trained))


def train(
    report: Reporter,
    *,
    request: dict[str, Any],
    work: str,
    network_key: str,
    data: dict[str, Any],
    start: str,
) -> None:
    _called("train")
    _misbehave("train")
    asked = DeployRequest.model_validate(request)
    made = _quantization(asked, key_of(start=start))
    report.result("quantized", Quantized(precision="int8-qat", quantization=made))


def _quantization(asked: DeployRequest, key: str) -> Quantization:
    faithful = _plan().get("faithful", True)
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
        calibration=DatasetInfo(name="c", images=4, identity="c"),
        recipe=RecipeInfo(name=asked.recipe, sha256=digest(asked.recipe), values={}),
        seconds=0.1,
    )


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
    input_spec: dict[str, Any],
    data: dict[str, Any],
    form: Any,
    keys: dict[str, str],
) -> None:
    asked = DeployRequest.model_validate(request)
    for precision in asked.precisions:
        if precision not in keys:
            continue
        _called(f"export {form} {precision}")
        path = asked.output / precision / f"model.{form}"
        with atomic_file(path) as temporary:
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
    asked = DeployRequest.model_validate(request)
    labels = np.arange(4, dtype=np.int32) % 2
    for entry in (Artefact.model_validate(value) for value in artefacts):
        _called(f"evaluate {entry.format} {entry.precision}")
        _misbehave(f"evaluate {entry.format}")
        key = key_of(artefact=entry.sha256, data=data["identity"])
        answers = Predictions(digest(asked.data), tuple("abcd"), labels, labels[::-1], labels)
        report.result(
            "evaluated",
            EvaluationLine(
                key=key,
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
                predictions=write_predictions(asked.output, key, answers),
                seconds=0.1,
            ),
        )


def bundle(report: Reporter, *, request: dict[str, Any], work: str) -> None:
    _misbehave("bundle")
    asked = DeployRequest.model_validate(request)
    with atomic_folder(asked.output / "demo_bundle", ("model_config.json",)) as temporary:
        temporary.mkdir()
        (temporary / "model_config.json").write_text("{}")


def bench(
    report: Reporter, *, request: dict[str, Any], work: str, artefacts: list[dict[str, Any]]
) -> None:
    _called("bench")
    _misbehave("bench")
    threads = DeployRequest.model_validate(request).threads
    for number, entry in enumerate(Artefact.model_validate(value) for value in artefacts):
        report.result("timed", _timed(entry, "local", threads, 1.0 + number))


def measure(
    report: Reporter,
    *,
    folder: str,
    target: dict[str, Any],
    mode: str,
    threads: list[int],
    artefacts: list[dict[str, Any]],
    sessions: dict[str, list[list[str]]],
) -> None:
    """A target on which one thread takes 1, 2, ... ms an artefact, and two take half of it.

    ``refuse NAME`` in the plan is a format that it cannot run, ``measure NAME`` what goes wrong
    after the first thread count.
    """
    plan = TargetPlan.model_validate(target)
    name = plan.address.partition("://")[2] or plan.address
    _called(f"measure {name} {','.join(map(str, threads))} of {len(artefacts)}")
    entries = [Artefact.model_validate(value) for value in artefacts]
    refused = _plan().get(f"refuse {name}")
    if refused:
        report.result("refused", {"format": refused, "reason": "no python3 there"})
    for count in threads:
        for number, entry in enumerate(entries):
            if entry.format == refused:
                continue
            timed = _timed(entry, plan.address, count, (1.0 + number) / count)
            if plan.is_emulated:
                counts = Counts(instructions=1000 + len(entry.path), cycles=500.0)
                changes = {"kind": "emulated", "mode": "counted", "latency_ms": None}
                timed = timed.model_copy(update={**changes, "counts": counts})
            elif plan.is_this_machine:
                timed = timed.model_copy(
                    update={"cpu_mask": tuple(sorted(os.sched_getaffinity(0)))}
                )
            report.result("timed", timed)
        _misbehave(f"measure {name}")


def _timed(entry: Artefact, target: str, threads: int, milliseconds: float) -> Measurement:
    return Measurement(
        kind="measured",
        created=now(),
        artefact=entry.path,
        sha256=entry.sha256,
        format=entry.format,
        precision=entry.precision,
        target=target,
        device=Device(name="fake", cores=1),
        threads=threads,
        runtime="fake",
        runtime_version="1",
        mode="quick",
        session="one",
        samples_ns=(1_000_000, 1_100_000, 1_200_000),
        latency_ms=LatencySummary(
            runs=3,
            p50=milliseconds,
            p90=2 * milliseconds,
            p99=3 * milliseconds,
            p50_interval=(0.9 * milliseconds, 1.1 * milliseconds),
            minimum=0.9,
            mean=1.1,
            iqr=0.1,
            cv=0.1,
        ),
    )
