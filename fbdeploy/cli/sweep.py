"""``fbdeploy sweep``: networks, recipes, formats, precisions, threads and targets, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fbdeploy.api.choosing import choices
from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import DeployProgress
from fbdeploy.cli.renamed import say_renamed
from fbdeploy.cli.types import numbers, paths
from fbdeploy.cli.types.reading import text
from fbdeploy.pipeline.first_look import look_at_images, look_at_network, look_at_shared_images
from fbdeploy.pipeline.formats import (
    FORMATS,
    check_installed,
)
from fbdeploy.records.builds import BUILDS
from fbdeploy.report import numbers as figures
from fbdeploy.report.table import table
from fbdeploy.sweep.page import name_of
from fbdeploy.sweep.plan import read_plan

if TYPE_CHECKING:
    from fbdeploy.sweep.rows import SweepRow
    from fbdeploy.sweep.run import Swept


@options.grouped
def sweep(
    plan: Annotated[
        Path | None,
        typer.Argument(
            parser=paths.file_in,
            metavar="PLAN",
            help="A TOML file; options take the place of its keys.",
        ),
    ] = None,
    networks: Annotated[
        str | None,
        typer.Option(
            parser=text, metavar="NAMES", help="Networks with commas, as deploy takes them."
        ),
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(
            parser=text, metavar="TARGETS", help="Targets with commas, as bench takes them; local."
        ),
    ] = None,
    recipes: Annotated[
        str | None, typer.Option(parser=text, metavar="RECIPES", help="Recipes with commas; ptq.")
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="NAMES",
            help=f"Some of {','.join(FORMATS)}; all that are installed.",
        ),
    ] = None,
    precisions: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="NAMES",
            help=f"Some of {','.join(BUILDS)}; what deploy makes by the recipe.",
        ),
    ] = None,
    threads: Annotated[
        numbers.Numbers | None,
        typer.Option(
            parser=numbers.thread_list, metavar="N,N", help="Thread counts, such as 1,2,4; 1."
        ),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            parser=text, metavar="MODE", help="How long each is timed, as bench's; quick."
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name, metavar="FOLDER", help="Labelled images to score on."
        ),
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name, metavar="FOLDER", help="Images to calibrate int8 on."
        ),
    ] = None,
    images: Annotated[
        str | None,
        typer.Option(
            parser=numbers.image_text,
            metavar="N",
            help="How many images each artefact is scored on, or 'all'.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            parser=paths.folder_out, metavar="FOLDER", help="Folder for everything that is made."
        ),
    ] = Path("sweep"),
    where: options.ClusterOptions = options.NO_CLUSTER_OPTIONS,
    telling: options.TellingOptions = options.NO_TELLING_OPTIONS,
    as_json: options.Json = False,
) -> None:
    """Deploy several networks and measure them on several targets: accuracy against latency.

    Exports are made here once; devices work at the same time; this machine is timed last, alone.
    A sweep that was cut off goes on when the same command is given again.

    Example:  fbdeploy sweep --networks default --targets local,arm://cortex-a76 --threads 1,2
    """
    changes: dict[str, Any] = {"mode": mode, "data": data, "calibration": calibration}
    for key, names in (("networks", networks), ("targets", targets), ("recipes", recipes)):
        changes[key] = None if names is None else [part.strip() for part in names.split(",")]
    if formats is not None:
        changes["formats"] = choices(formats, FORMATS, "--formats")
    if precisions is not None:
        changes["precisions"] = choices(precisions, BUILDS, "--precisions")
    changes |= {"threads": threads, "images": images}
    given = {key: value for key, value in changes.items() if value is not None}
    renamed: list[tuple[str, str]] = []
    asked = read_plan(plan, given, lambda old, new: renamed.append((old, new)))
    for fmt in asked.formats:
        check_installed(fmt)
    for network in asked.networks:
        look_at_network(network.name, network.weights)
        for place in (network.data or asked.data, network.calibration or asked.calibration):
            if place is not None:
                look_at_images(place)
                if where.cluster is not None:
                    look_at_shared_images(place)
    for old, new in renamed:
        say_renamed(old, new)
    with only_result_on_stdout() as result:
        from fbdeploy.sweep.run import sweep as run

        with DeployProgress(telling.telling) as progress:
            devices = [
                target.address
                for target in asked.targets
                if not (target.is_this_machine or target.is_emulated)
            ]
            with where.opened(progress.note, devices) as machines:
                swept = run(asked, output, progress, place=machines)
        if as_json:
            result.json(_document(swept))
        else:
            result.text(_summary(swept))
    if not swept.complete:
        raise typer.Exit(1)


def _document(swept: Swept) -> dict[str, Any]:
    rows = [row.model_dump(mode="json") for row in swept.rows]
    failures = [failure.model_dump(mode="json") for failure in swept.failures]
    return {"report": str(swept.report), "rows": rows, "failures": failures}


def _summary(swept: Swept) -> str:
    """The Pareto fronts as a table for a terminal, a part for each target and thread count."""
    lines = []
    groups: dict[tuple[str, str, int], list[SweepRow]] = {}
    for row in swept.rows:
        groups.setdefault((row.target, row.machine, row.threads), []).append(row)
    machines = {(target, machine) for target, machine, _ in groups}
    for (target, machine, threads), group in groups.items():
        several = sum(other == target for other, _ in machines) > 1
        where = f"{target} ({machine})" if several or group[0].result.host else target
        front = [row for row in group if row.on_front]
        lines += [
            "",
            f"{where}, {threads} thread(s): nothing is both more accurate and faster than",
        ]
        rows = [
            (f"  {name_of(row)}", figures.percent(row.score), _cost(row))
            for row in sorted(front, key=lambda row: row.cost or 0.0)
        ]
        lines.append(table(("", "", ""), rows))
    for failure in swept.failures:
        where = ", ".join(part for part in (failure.network, failure.target, failure.what) if part)
        lines.append(f"{where} failed: {failure.message}")
    lines.append(f"The whole story: {swept.report}")
    return "\n".join(lines).lstrip("\n")


def _cost(row: SweepRow) -> str:
    if row.result.latency_ms is not None:
        return f"{figures.significant(row.result.latency_ms.p50)} ms"
    assert row.counts is not None
    if row.counts.cycles is not None:
        return f"{figures.count(int(row.counts.cycles))} cycles"
    return f"{figures.count(row.counts.instructions)} instructions"
