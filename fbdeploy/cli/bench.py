"""``fbdeploy bench``: the latency of artefacts, interleaved, here, on a device or emulated."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fbdeploy.cli import options
from fbdeploy.cli.evaluate import described
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import counted
from fbdeploy.cli.types import numbers, paths
from fbdeploy.cli.types.reading import text
from fbdeploy.report import numbers as figures
from zoo.errors import InputError

if TYPE_CHECKING:
    from runtime_bench.measurement import Measurement
    from runtime_bench.runners.user_binary import ToolReport
    from runtime_bench.runtimes.profiling import Profile
    from stats.loads import LoadComparison

OPERATORS_SHOWN = 10


def bench(
    artefacts: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=paths.path_in,
            metavar="ARTEFACTS",
            help="Artefacts of any formats, timed in turn.",
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
    ] = "local",
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
    calibration: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            help="Estimate milliseconds by this file of fbdeploy calibrate (arm).",
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
    if list_targets:
        _list(target, as_json)
        return
    if not artefacts:
        raise InputError("bench: no artefact; give one or more files that fbdeploy deploy wrote")
    if target == "local" and max(threads) > numbers.MOST_THREADS_HERE:
        most = numbers.MOST_THREADS_HERE
        raise InputError(f"--threads {max(threads)}: this machine takes at most {most}; give fewer")
    if app and (by_operator or binary is not None):
        raise InputError("--app: times the app's own runtimes; leave --profile and --binary out")
    if by_operator:
        _profile(artefacts, target, threads, as_json)
        return
    if binary is not None:
        _run_tool(artefacts, binary, target, threads, mode, cores, as_json)
        return
    with only_result_on_stdout() as result:
        from fbdeploy.latency.measure import LatencyRequest, measure_latency
        from fbdeploy.latency.photo import preparation
        from runtime_bench.targets.address import parse_target
        from runtime_bench.timing.modes import mode_of
        from runtime_bench.timing.session import Subject

        try:
            parse_target(target)
        except InputError as error:
            raise InputError(f"--target {error}") from error
        subjects, manifests = [], []
        for path in artefacts:
            manifest, entry = described(path)
            manifests.append(manifest)
            subjects.append(
                Subject(path, entry.precision, entry.variant) if entry else Subject(path)
            )
        request = LatencyRequest(
            subjects=tuple(subjects),
            target=target,
            threads=threads,
            mode=mode_of(mode),
            results=results,
            resume=resume,
            cores=cores,
            cool_below=cool_below,
            calibration=calibration,
            runners=runners,
            app=app,
            cold=cold,
            prepare=None if photo is None else preparation(photo, manifests),
        )
        with counted("latency", 1) as counter:
            measured = list(measure_latency(request, counter.part))
        if as_json:
            rows = [_row(measurement) for measurement in measured]
            groups = map(_ratios, _by_threads(measured))
            ratios = [asdict(one) for group in groups for one in group]
            result.json({"measurements": rows, "ratios": ratios})
        else:
            result.text("\n\n".join(_summary(group) for group in _by_threads(measured)))


def _list(target: str, as_json: bool) -> None:
    with only_result_on_stdout() as result:
        from runtime_bench.targets.listing import list_targets

        statuses = list_targets([target] if target.startswith("ssh://") else [])
        if as_json:
            result.json({"targets": [asdict(status) for status in statuses]})
            return
        width = max(len(status.target) for status in statuses) + 2
        for status in statuses:
            reach = "" if status.reachable else "not reachable: "
            result.text(f"{status.target:{width}}{reach}{status.detail}")


def _profile(artefacts: list[Path], target: str, threads: tuple[int, ...], as_json: bool) -> None:
    if target != "local":
        raise InputError(f"--profile: means nothing on {target}; runtimes are profiled here only")
    with only_result_on_stdout() as result:
        from runtime_bench.runtimes.profiling import profile

        profiles = [profile(path, count) for count in threads for path in artefacts]
        if as_json:
            result.json({"profiles": [asdict(one) for one in profiles]})
        else:
            result.text("\n\n".join(_profile_table(one) for one in profiles))


def _profile_table(profile: Profile) -> str:
    lines = [f"{'microseconds of one run':48}{'each':>10}{'share':>10}{'operators':>12}"]
    total = sum(one.microseconds for one in profile.operators) or 1.0
    for kind, (count, time) in profile.by_kind().items():
        lines.append(
            f"{kind:48}{figures.significant(time):>10}{figures.percent(time / total, 1):>10}"
            f"{count:>12}"
        )
    lines.append("costliest operators")
    costliest = sorted(profile.operators, key=lambda one: -one.microseconds)[:OPERATORS_SHOWN]
    for one in costliest:
        lines.append(
            f"{one.name:48}{figures.significant(one.microseconds):>10}"
            f"{figures.percent(one.share, 1):>10}"
        )
    lines.append(
        f"{profile.artefact}: {profile.runtime}, {profile.threads} thread(s), {profile.runs} runs; "
        f"a whole run takes {figures.significant(profile.milliseconds)} ms under the profiler"
    )
    return "\n".join(lines)


def _run_tool(
    artefacts: list[Path],
    binary: Path,
    target: str,
    threads: tuple[int, ...],
    mode: str,
    cores: tuple[int, ...] | None,
    as_json: bool,
) -> None:
    for path in artefacts:
        described(path)  # refuses what is not there
    with only_result_on_stdout() as result:
        from runtime_bench.runners.user_binary import run_tool_on
        from runtime_bench.targets.opening import open_target
        from runtime_bench.timing.modes import mode_of

        asked = mode_of(mode)
        with open_target(target) as device, counted("tool", len(threads) * len(artefacts)) as bar:
            reports = []
            for count in threads:
                for path in artefacts:
                    reports.append(
                        run_tool_on(device, binary, path, threads=count, mode=asked, cores=cores)
                    )
                    bar.advance(1)
        if as_json:
            result.json({"tool_reports": [_plain(one) for one in reports]})
        else:
            result.text("\n".join(_tool_table(reports)))


def _plain(report: ToolReport) -> dict[str, Any]:
    models = ("device", "state_before", "state_after")
    dumped = {name: getattr(report, name).model_dump(mode="json") for name in models}
    return {**vars(report), "timings_ms": asdict(report.timings_ms), **dumped}


def _tool_table(reports: list[ToolReport]) -> list[str]:
    width = max(len(one.artefact) for one in reports) + 2
    lines = [
        f"{'ms':{width}}{'threads':>8}{'median':>9}{'mean':>9}{'runs':>8}{'load':>9}{'first':>9}"
    ]
    for one in reports:
        times = one.timings_ms
        lines.append(
            f"{one.artefact:{width}}{one.threads:>8}{figures.significant(times.median):>9}"
            f"{figures.significant(times.mean):>9}{times.runs:>8}"
            f"{figures.significant(times.load):>9}{figures.significant(times.first_run):>9}"
        )
    first = reports[0]
    return [*lines, f"as {first.tool} itself reports on {first.device.name}, {first.target}"]


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


@dataclass(frozen=True)
class Ratio:
    """How many times as long one artefact takes as the fastest of its session."""

    artefact: str
    fastest: str
    threads: int
    compared: LoadComparison


def _ratios(measured: list[Measurement]) -> list[Ratio]:
    """Of each artefact but the fastest; none if not all were timed in turn."""
    from runtime_bench.timing.ratio import ratio

    timed = [one for one in measured if one.latency_ms is not None and one.load_rounds is not None]
    if len(timed) < len(measured) or len({one.session for one in timed}) != 1:
        return []
    fastest = min(timed, key=lambda one: one.latency_ms.p50 if one.latency_ms else 0.0)
    return [
        Ratio(one.artefact, fastest.artefact, one.threads, ratio(one, fastest))
        for one in timed
        if one is not fastest
    ]


def _summary(measured: list[Measurement]) -> str:
    width = max(len(one.artefact) for one in measured) + 2
    lines = []
    if any(one.counts is None for one in measured):
        lines.append(
            f"{'ms':{width}}{'p50':>9}{'p90':>9}{'p99':>9}{'runs':>8}{'load':>9}{'first':>9}"
        )
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
            f"{one.artefact:{width}}{figures.significant(times.p50):>9}"
            f"{figures.significant(times.p90):>9}{figures.significant(times.p99):>9}"
            f"{times.runs:>8}{_median_ms(one.load_ns):>9}{_median_ms(one.first_run_ns):>9}"
            + ("  noisy" if noisy else "")
        )
    for ratio in _ratios(measured):
        low, high = ratio.compared.interval.as_tuple()
        lines.append(
            f"{ratio.artefact} takes {ratio.compared.ratio:.3f} times as long as {ratio.fastest} "
            f"({low:.3f} to {high:.3f}, by {ratio.compared.loads} loads of each)"
        )
    for one in measured:
        if one.noise is not None and one.noise.noisy:
            lines.append(f"{one.artefact} is noisy: {', '.join(one.noise.reasons)}")
    if measured[0].preparation_ns:
        lines.append(f"pre-processing of one photo: {_median_ms(measured[0].preparation_ns)} ms")
    lines.extend(dict.fromkeys(one.note for one in measured if one.note))
    device = measured[0].device
    lines.append(
        f"{measured[0].kind} on {device.name or device.cpu}, {measured[0].threads} thread(s), "
        f"batch 1, mode {measured[0].mode}"
    )
    return "\n".join(lines)


def _median_ms(nanoseconds: tuple[int, ...]) -> str:
    return figures.significant(median(nanoseconds) / 1e6 if nanoseconds else None)


def _count_columns(one: Measurement) -> str:
    assert one.counts is not None
    cycles = figures.UNKNOWN if one.counts.cycles is None else f"{one.counts.cycles:,.0f}"
    columns = f"{one.counts.instructions:>14,}{cycles:>14}"
    kernels = "".join(f"  {name}" for name in one.counts.kernels)
    if one.latency_ms is None or one.estimate_interval_ms is None:
        return f"{columns}{figures.UNKNOWN:>10}{kernels}"
    low, high = map(figures.significant, one.estimate_interval_ms)
    return f"{columns}{figures.significant(one.latency_ms.p50):>10}  ({low} to {high}){kernels}"
