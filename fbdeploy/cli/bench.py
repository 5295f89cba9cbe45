"""``fbdeploy bench``: the latency of artefacts, interleaved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.evaluate import described
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import counted
from fbdeploy.report import numbers
from zoo.errors import InputError

if TYPE_CHECKING:
    from runtime_bench.measurement import Measurement

TARGETS = {"local": "this machine"}


def bench(
    artefacts: Annotated[
        list[Path] | None, typer.Argument(help="Artefacts of any formats, timed in turn.")
    ] = None,
    target: Annotated[str, typer.Option(help="Where to time: local.")] = "local",
    threads: Annotated[int, typer.Option(min=1, help="Threads of every runtime.")] = 1,
    mode: Annotated[
        str, typer.Option(help="How long: quick, standard or mlperf (1024 runs and 60 s).")
    ] = "standard",
    results: Annotated[
        Path | None, typer.Option(help="Append the measurements to this results.jsonl.")
    ] = None,
    list_targets: Annotated[
        bool, typer.Option("--list-targets", help="Say which targets there are, and end.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Time artefacts with explicit threads: warm-up in process, raw samples, p50, p90, p99.

    All artefacts are loaded into one process and run in turn, so that what disturbs the machine
    disturbs all alike.

    Example:  fbdeploy bench out/int8/model.pte out/int8/model.onnx --threads 1
    """
    if list_targets:
        print(json.dumps({"targets": TARGETS}) if as_json else "\n".join(TARGETS))
        return
    if not artefacts:
        raise InputError("bench: no artefact; give one or more files that fbdeploy deploy wrote")
    if target not in TARGETS:
        raise InputError(f"--target {target}: is unknown; give one of {', '.join(TARGETS)}")
    with only_result_on_stdout() as show:
        from runtime_bench.measurement import append_measurement
        from runtime_bench.modes import mode_of
        from runtime_bench.protocol import Subject, benchmark

        subjects = []
        for path in artefacts:
            _, entry = described(path)
            subjects.append(
                Subject(path, entry.precision, entry.variant) if entry else Subject(path)
            )
        with counted("latency", 1) as counter:
            measured = benchmark(
                subjects, threads=threads, mode=mode_of(mode), progress=counter.part
            )
        if results is not None:
            for measurement in measured:
                append_measurement(results, measurement)
        if as_json:
            rows = [measurement.model_dump(mode="json") for measurement in measured]
            show(json.dumps({"measurements": rows}, indent=1))
        else:
            show(_summary(measured))


def _summary(measured: list[Measurement]) -> str:
    width = max(len(one.artefact) for one in measured) + 2
    lines = [f"{'ms':{width}}{'p50':>9}{'p90':>9}{'p99':>9}{'runs':>8}"]
    for one in measured:
        times = one.latency_ms
        if times is None:
            continue
        noisy = one.noise is not None and one.noise.noisy
        lines.append(
            f"{one.artefact:{width}}{numbers.significant(times.p50):>9}"
            f"{numbers.significant(times.p90):>9}{numbers.significant(times.p99):>9}"
            f"{times.runs:>8}" + ("  noisy" if noisy else "")
        )
    device = measured[0].device
    lines.append(
        f"{measured[0].kind} on {device.name or device.cpu}, {measured[0].threads} thread(s), "
        f"batch 1, mode {measured[0].mode}"
    )
    return "\n".join(lines)
