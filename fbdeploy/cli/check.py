"""``fbdeploy check``: the regression gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import numbers, paths
from fbdeploy.cli.types.reading import text
from fbdeploy.pipeline.first_look import look_at_output
from zoo.errors import InputError, shown
from zoo.files import exists

if TYPE_CHECKING:
    from fbdeploy.check.baseline import Baseline
    from fbdeploy.records.manifest import Manifest


def check(
    output: Annotated[
        Path,
        typer.Argument(
            parser=paths.folder_in, metavar="OUT", help="A folder that fbdeploy deploy wrote."
        ),
    ],
    baseline: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            help="The file to hold it against; exit code 1 on a regression.",
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_out,
            metavar="FILE",
            help="Write OUT as the new baseline; with --baseline, only if it passes.",
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_in,
            metavar="FILE",
            help="A TOML file with other limits than the default ones.",
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            parser=numbers.points,
            metavar="POINTS",
            help="Points of top-1 or mIoU that a drop may have. [0.3]",
        ),
    ] = None,
    max_class_drop: Annotated[
        float | None,
        typer.Option(
            parser=numbers.points, metavar="POINTS", help="Points of top-1 of one class. [3]"
        ),
    ] = None,
    max_slowdown: Annotated[
        float | None,
        typer.Option(
            parser=numbers.percent, metavar="PERCENT", help="Percent of the median latency. [10]"
        ),
    ] = None,
    max_growth: Annotated[
        float | None,
        typer.Option(
            parser=numbers.percent, metavar="PERCENT", help="Percent of an artefact's bytes. [2]"
        ),
    ] = None,
    require: Annotated[
        str | None,
        typer.Option(
            parser=text,
            metavar="NAMES",
            help="Measures that fail if they cannot be compared, such as accuracy,latency.",
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            parser=paths.file_out,
            metavar="FILE",
            help="Also write the report there, as a CI's summary shows it.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Find regressions of accuracy, size, coverage and latency against a kept baseline.

    A change counts if it is beyond chance and beyond its limit; what cannot be told is NOISY or
    INCOMPARABLE. docs/ci.md explains the rules.

    Example:  fbdeploy check out --baseline baseline.json
    """
    if baseline is None and write_baseline is None:
        raise InputError("check: has nothing to do; give --baseline FILE or --write-baseline FILE")
    if baseline is None and markdown is not None:
        raise InputError(
            f"--markdown {shown(markdown)}: has nothing to tell; give --baseline FILE too"
        )
    with only_result_on_stdout() as result:
        if baseline is not None and not exists(baseline):
            raise InputError(
                f"{baseline}: no such file; write it with fbdeploy check OUT --write-baseline"
            )
        look_at_output(output)
        from fbdeploy.api.check import held_against, limits_of
        from fbdeploy.check import baseline as files
        from fbdeploy.check.reduction import reduced
        from fbdeploy.check.render import as_markdown, as_text
        from fbdeploy.records.manifest import read_manifest
        from fbdeploy.records.results import read_lines
        from zoo.files import atomic_file

        limits = limits_of(
            rules=rules,
            require=require,
            max_drop=max_drop,
            max_class_drop=max_class_drop,
            max_slowdown=max_slowdown,
            max_growth=max_growth,
        )
        before = files.read_baseline(baseline) if baseline else None
        manifest = read_manifest(output)
        if write_baseline is not None:
            _refuse_failed(output, manifest)
        after = reduced(output, manifest, read_lines(output))
        passed = True
        if before is not None:
            report = held_against(before, after, limits, manifest)
            passed = report.verdict == "PASS"
            result.json(report) if as_json else result.text(as_text(report))
            if markdown is not None:
                with atomic_file(markdown) as temporary:
                    temporary.write_text(as_markdown(report), encoding="utf-8")
        if write_baseline is not None and passed:
            files.write_baseline(write_baseline, after)
            typer.echo(f"{write_baseline}: {_described(after)}", err=True)
            if before is None and as_json:
                result.json(after)
    if not passed:
        raise typer.Exit(1)


def _refuse_failed(output: Path, manifest: Manifest) -> None:
    """What failed would be missing, or wrong, in every later comparison."""
    wrong = [f"{one.step} failed" for one in manifest.failures]
    wrong += [f"{one.name} was rejected" for one in manifest.artefacts if one.rejected]
    if wrong:
        raise InputError(
            f"{output}: is no baseline, since {wrong[0]}; deploy again until nothing fails"
        )


def _described(written: Baseline) -> str:
    scored = f"on {written.data.images:,} images" if written.data else "of which none was scored"
    timed = sum(bool(record.latencies) for record in written.artefacts)
    return f"{len(written.artefacts)} artefacts {scored}, {timed} of them timed"
