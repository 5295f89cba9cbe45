"""``fbdeploy bench``: the latency of artefacts, interleaved, here, on a device or emulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fbdeploy.cli import options
from fbdeploy.cli.latency_table import Ratio, by_threads, ratios, summary
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.profile import show_profiles
from fbdeploy.cli.progress import counted
from fbdeploy.cli.renamed import say_renamed
from fbdeploy.cli.tool import show_tool_reports
from fbdeploy.cli.types import numbers, paths, picture
from fbdeploy.cli.types.reading import text
from fbdeploy.pipeline.first_look import look_at_artefact
from fbdeploy.records.described import named
from fbdeploy.records.manifest import FILE_NAME as MANIFEST
from fbdeploy.records.results import FILE_NAME as RESULTS
from fbdeploy.report.table import table
from runtime_bench.measurement import LOCAL
from zoo.errors import InputError
from zoo.files import exists

if TYPE_CHECKING:
    from runtime_bench.measurement import Measurement


def bench(
    artefacts: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=paths.path_in,
            metavar="ARTEFACTS",
            help="Artefacts of any formats, timed in turn, or a folder of deploy, which keeps the "
            "times and gets its report again.",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            parser=text,
            metavar="TARGET",
            help="Where: local, ssh://user@host[:port], adb://SERIAL, or arm://CORE, which is "
            "emulated and counts instructions.",
        ),
    ] = LOCAL,
    threads: Annotated[
        numbers.Numbers,
        typer.Option(
            parser=numbers.thread_list,
            metavar="N,N",
            help="Threads of every runtime; several, as in 1,2, are timed one after the other; 1.",
        ),
    ] = numbers.ONE_THREAD,
    mode: Annotated[
        str,
        typer.Option(
            parser=text,
            metavar="MODE",
            help="How long: quick, standard or mlperf (1024 runs and 60 s).",
        ),
    ] = "standard",
    results: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_to_extend,
            metavar="FILE",
            help="Append the measurements to this results.jsonl.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what the results file already holds.")
    ] = False,
    cores: Annotated[
        numbers.Numbers | None,
        typer.Option(
            parser=numbers.core_list,
            metavar="N,N",
            help="Cores of the device to bind to, such as 4,5.",
        ),
    ] = None,
    cool_below: Annotated[
        float | None,
        typer.Option(
            parser=numbers.temperature,
            metavar="DEGREES",
            help="Wait until the device is below so many degrees Celsius.",
        ),
    ] = None,
    latency_model: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            help="Estimate milliseconds by this file of fbdeploy fit-latency (arm).",
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            help="What --latency-model was called.",
            hidden=True,
        ),
    ] = None,
    runners: Annotated[
        Path | None,
        typer.Option(
            parser=paths.folder_in,
            metavar="FOLDER",
            help="The bundle of fbdeploy runner build, if not the cached one.",
        ),
    ] = None,
    cold: Annotated[
        bool,
        typer.Option(
            "--cold",
            help="Load each alone in its process too, which gives its peak memory (local).",
        ),
    ] = False,
    photo: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            help="Time the pre-processing of this photo too, file to input (local).",
        ),
    ] = None,
    input_size: Annotated[
        picture.Size | None,
        typer.Option(
            parser=picture.size,
            metavar="SIZE",
            help="Height and width of the images, 224 or 192x256, for artefacts that take any.",
        ),
    ] = None,
    binary: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            help="Run your own benchmark_model (.tflite) or executor_runner (.pte), built for the "
            "device, and show what it says (ssh, adb, local).",
        ),
    ] = None,
    by_operator: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Time by operator instead, as the runtime's own profiler tells it (local).",
        ),
    ] = False,
    app: Annotated[
        bool,
        typer.Option(
            "--app",
            help="Time inside the installed Android app (adb), one artefact after the other; the "
            "results go to the artefact's own results.jsonl if --results names no other.",
        ),
    ] = False,
    list_targets: Annotated[
        bool,
        typer.Option("--list-targets", help="Say which targets are reachable, and end."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Time artefacts with explicit threads: warm-up in process, raw samples, p50, p90, p99.

    All artefacts are run in turn, so that what disturbs the machine disturbs all alike, in several
    processes, whose luck differs; each is compared with the fastest.
    Emulated cores give instructions and cycles of one run instead of times.

    Example:  fbdeploy bench out/int8/model.pte out/int8/model.onnx --threads 1
    """
    if calibration is not None:
        if latency_model is not None:
            raise InputError("--calibration: is --latency-model, which was given too; leave it out")
        latency_model = calibration
    if list_targets:
        _list(target, as_json)
        return
    if not artefacts:
        raise InputError("bench: no artefact; give one or more files, or an output folder")
    chosen = named(artefacts, timed=True)
    folder = _deployment(artefacts, target, plain=not (by_operator or binary or results))
    if folder is not None:
        results = folder / RESULTS
    for path in chosen:
        if not exists(path):
            look_at_artefact(path)
    if target == LOCAL and max(threads) > numbers.MOST_THREADS_HERE:
        most = numbers.MOST_THREADS_HERE
        raise InputError(f"--threads {max(threads)}: this machine takes at most {most}; give fewer")
    if app and (by_operator or binary is not None):
        raise InputError("--app: times the app's own runtimes; leave --profile and --binary out")
    if by_operator:
        show_profiles(chosen, target, threads, as_json)
        return
    if binary is not None:
        show_tool_reports(chosen, binary, target, threads, mode, cores, as_json)
        return
    with only_result_on_stdout() as result:
        from fbdeploy.api.bench import latency_request
        from fbdeploy.latency.sound import measure_sound

        request = latency_request(
            chosen,
            target=target,
            threads=threads,
            mode=mode,
            results=results,
            resume=resume,
            cores=cores,
            cool_below=cool_below,
            latency_model=latency_model,
            runners=runners,
            app=app,
            cold=cold,
            photo=photo,
            input_size=input_size,
        )
        with counted("latency", 1) as counter:
            measured, unusable = measure_sound(request, counter.part)
        for bad in unusable:
            typer.echo(f"fbdeploy: {bad.message}", err=True)
        if as_json:
            rows = [_row(measurement) for measurement in measured]
            groups = map(ratios, by_threads(measured))
            compared = [_ratio(one) for group in groups for one in group]
            failures = [{"artefact": str(bad.artefact), "message": bad.message} for bad in unusable]
            result.json({"measurements": rows, "ratios": compared, "failures": failures})
        else:
            result.text("\n\n".join(summary(group) for group in by_threads(measured)))
        if folder is not None:
            from fbdeploy.report.page import report_again

            report = report_again(folder)
            if not as_json:
                result.text(f"Kept in {results}; {report} is made again")
    if calibration is not None:
        say_renamed("--calibration", "--latency-model")
    if unusable:
        raise typer.Exit(1)


def _deployment(given: Sequence[Path], target: str, *, plain: bool) -> Path | None:
    """The folder of ``deploy`` that is timed again as a whole, so that its report tells the new
    times; None where anything else was asked for. Emulated cores give no times."""
    if len(given) != 1 or not plain or target.startswith("arm://"):
        return None
    return given[0] if exists(given[0] / MANIFEST) else None


def _ratio(one: Ratio) -> dict[str, Any]:
    """A ratio as the document has it: its interval is an object."""
    plain = asdict(one)
    plain["compared"]["interval"] = one.compared.interval._asdict()
    return plain


def _list(target: str, as_json: bool) -> None:
    with only_result_on_stdout() as result:
        from runtime_bench.targets.listing import list_targets

        statuses = list_targets([target] if target.startswith("ssh://") else [])
        if as_json:
            result.json({"targets": [asdict(status) for status in statuses]})
            return
        rows = [
            (one.target, f"{'' if one.reachable else 'not reachable: '}{one.detail}")
            for one in statuses
        ]
        result.text(table(("", ""), rows, left=(0, 1)))


def _row(measurement: Measurement) -> dict[str, Any]:
    """The line of results.jsonl; of an emulated core also its counts where scripts look for them.

    ``instructions`` and ``cycles`` (None without a model of the core) are of one inference.
    """
    row: dict[str, Any] = measurement.model_dump(mode="json")
    if measurement.counts is not None:
        row["instructions"] = measurement.counts.instructions
        row["cycles"] = measurement.counts.cycles
    return row
