"""``fbdeploy bench``: the latency of artefacts, interleaved, here, on a device or emulated."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fbdeploy.cli import options
from fbdeploy.cli.evaluate import described
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import counted
from fbdeploy.report import numbers
from zoo.errors import InputError

if TYPE_CHECKING:
    from runtime_bench.measurement import Measurement


def bench(
    artefacts: Annotated[
        list[Path] | None, typer.Argument(help="Artefacts of any formats, timed in turn.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            help="Where: local, ssh://user@host[:port], adb://SERIAL, or arm://CORE, which is "
            "emulated and counts instructions."
        ),
    ] = "local",
    threads: Annotated[
        str,
        typer.Option(
            help="Threads of every runtime; several, as in 1,2, are timed one after the other.",
            callback=options.check_whole_numbers(1),
        ),
    ] = "1",
    mode: Annotated[
        str, typer.Option(help="How long: quick, standard or mlperf (1024 runs and 60 s).")
    ] = "standard",
    results: Annotated[
        Path | None, typer.Option(help="Append the measurements to this results.jsonl.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what the results file already holds.")
    ] = False,
    cores: Annotated[
        str | None,
        typer.Option(
            help="Cores of the device to bind to, such as 4,5.",
            callback=options.check_whole_numbers(0),
        ),
    ] = None,
    cool_below: Annotated[
        float | None,
        typer.Option(help="Wait until the device is below so many degrees Celsius (ssh, adb)."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="Estimate milliseconds by this file of fbdeploy calibrate (arm)."),
    ] = None,
    runners: Annotated[
        Path | None,
        typer.Option(help="The bundle of fbdeploy runner build, if not the cached one."),
    ] = None,
    list_targets: Annotated[
        bool,
        typer.Option("--list-targets", help="Say which targets are reachable, and end."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Time artefacts with explicit threads: warm-up in process, raw samples, p50, p90, p99.

    All artefacts are loaded and run in turn, so that what disturbs the machine disturbs all alike.
    Emulated cores give instructions and cycles of one run instead of times.

    Example:  fbdeploy bench out/int8/model.pte out/int8/model.onnx --threads 1
    """
    if list_targets:
        _list(target, as_json)
        return
    if not artefacts:
        raise InputError("bench: no artefact; give one or more files that fbdeploy deploy wrote")
    with only_result_on_stdout() as show:
        from fbdeploy.latency import LatencyRequest, measure_latency
        from runtime_bench.modes import mode_of
        from runtime_bench.protocol import Subject
        from runtime_bench.targets.address import parse_target

        try:
            parse_target(target)
        except InputError as error:
            raise InputError(f"--target {error}") from error
        subjects = []
        for path in artefacts:
            _, entry = described(path)
            subjects.append(
                Subject(path, entry.precision, entry.variant) if entry else Subject(path)
            )
        request = LatencyRequest(
            subjects=tuple(subjects),
            target=target,
            threads=options.whole_numbers(threads, 1),
            mode=mode_of(mode),
            results=results,
            resume=resume,
            cores=None if cores is None else options.whole_numbers(cores, 0),
            cool_below=cool_below,
            calibration=calibration,
            runners=runners,
        )
        with counted("latency", 1) as counter:
            measured = list(measure_latency(request, counter.part))
        if as_json:
            rows = [_row(measurement) for measurement in measured]
            show(json.dumps({"measurements": rows}, indent=1))
        else:
            show("\n\n".join(_summary(group) for group in _by_threads(measured)))


def _list(target: str, as_json: bool) -> None:
    with only_result_on_stdout() as show:
        from runtime_bench.targets.listing import list_targets

        statuses = list_targets([target] if target.startswith("ssh://") else [])
        if as_json:
            show(json.dumps({"targets": [asdict(status) for status in statuses]}, indent=1))
            return
        width = max(len(status.target) for status in statuses) + 2
        for status in statuses:
            reach = "" if status.reachable else "not reachable: "
            show(f"{status.target:{width}}{reach}{status.detail}")


def _row(measurement: Measurement) -> dict[str, Any]:
    """The line of results.jsonl; of an emulated core also its counts where scripts look for them.

    ``instructions`` and ``cycles`` (None without a model of the core) are of one inference.
    """
    row: dict[str, Any] = measurement.model_dump(mode="json")
    if measurement.counts is not None:
        row["instructions"] = measurement.counts.instructions
        row["cycles"] = measurement.counts.cycles
    return row


def _by_threads(measured: list[Measurement]) -> list[list[Measurement]]:
    counts = dict.fromkeys(one.threads for one in measured)
    return [[one for one in measured if one.threads == count] for count in counts]


def _summary(measured: list[Measurement]) -> str:
    width = max(len(one.artefact) for one in measured) + 2
    lines = []
    if any(one.counts is None for one in measured):
        lines.append(f"{'ms':{width}}{'p50':>9}{'p90':>9}{'p99':>9}{'runs':>8}")
    else:
        lines.append(f"{'of one run':{width}}{'instructions':>14}{'cycles':>14}{'est. ms':>10}")
    for one in measured:
        if one.counts is not None:
            lines.append(f"{one.artefact:{width}}" + _count_columns(one))
            continue
        times = one.latency_ms
        if times is None:
            continue
        noisy = one.noise is not None and one.noise.noisy
        lines.append(
            f"{one.artefact:{width}}{numbers.significant(times.p50):>9}"
            f"{numbers.significant(times.p90):>9}{numbers.significant(times.p99):>9}"
            f"{times.runs:>8}" + ("  noisy" if noisy else "")
        )
    lines.extend(dict.fromkeys(one.note for one in measured if one.note))
    device = measured[0].device
    lines.append(
        f"{measured[0].kind} on {device.name or device.cpu}, {measured[0].threads} thread(s), "
        f"batch 1, mode {measured[0].mode}"
    )
    return "\n".join(lines)


def _count_columns(one: Measurement) -> str:
    assert one.counts is not None
    cycles = numbers.UNKNOWN if one.counts.cycles is None else f"{one.counts.cycles:,.0f}"
    columns = f"{one.counts.instructions:>14,}{cycles:>14}"
    if one.latency_ms is None or one.estimate_interval_ms is None:
        return f"{columns}{numbers.UNKNOWN:>10}"
    low, high = map(numbers.significant, one.estimate_interval_ms)
    return f"{columns}{numbers.significant(one.latency_ms.p50):>10}  ({low} to {high})"
