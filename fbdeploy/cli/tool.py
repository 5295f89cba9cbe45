"""``fbdeploy bench --binary``: what the user's own benchmark tool says on the device."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import counted
from fbdeploy.records.described import described
from fbdeploy.report import numbers as figures
from fbdeploy.report.table import table

if TYPE_CHECKING:
    from runtime_bench.runners.user_binary import ToolReport


def show_tool_reports(
    artefacts: list[Path],
    binary: Path,
    target: str,
    threads: tuple[int, ...],
    mode: str,
    cores: tuple[int, ...] | None,
    as_json: bool,
) -> None:
    """Run ``binary`` on every artefact with every number of threads.

    Raises:
        InputError: an artefact is not there, or the tool is none that is known.
    """
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
            result.text(_tool_table(reports))


def _plain(report: ToolReport) -> dict[str, Any]:
    models = ("device", "state_before", "state_after")
    dumped = {name: getattr(report, name).model_dump(mode="json") for name in models}
    return {**vars(report), "timings_ms": asdict(report.timings_ms), **dumped}


def _tool_table(reports: list[ToolReport]) -> str:
    rows = []
    for one in reports:
        times = one.timings_ms
        milliseconds = map(figures.significant, (times.median, times.mean))
        starts = map(figures.significant, (times.load, times.first_run))
        rows.append((one.artefact, f"{one.threads}", *milliseconds, f"{times.runs}", *starts))
    first = reports[0]
    return "\n".join(
        (
            table(("ms", "threads", "median", "mean", "runs", "load", "first"), rows),
            f"as {first.tool} itself reports on {first.device.name}, {first.target}",
        )
    )
