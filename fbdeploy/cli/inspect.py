"""``fbdeploy inspect``: what is inside an artefact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fbdeploy.cli import options
from fbdeploy.cli.guest import warn_if_unconfined
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths
from fbdeploy.pipeline.first_look import look_at_artefact
from fbdeploy.records.described import named
from fbdeploy.report import numbers
from zoo.errors import InputError

if TYPE_CHECKING:
    from export.inspection import Inspection


def inspect(
    artefacts: Annotated[
        list[Path],
        typer.Argument(
            parser=paths.path_in,
            metavar="ARTEFACTS",
            help="Files model.pte, .pt, .onnx, .tflite, .mlpackage, or a folder of deploy.",
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Operators, the shares of int8 and of the delegate by MACs, and what stays outside.

    One that cannot be read does not end the others; the exit code is 1 then.

    Example:  fbdeploy inspect out/int8/model.tflite
    """
    chosen = named(artefacts)
    if len(chosen) == 1:
        look_at_artefact(chosen[0])
    found: dict[Path, Inspection] = {}
    refused: dict[Path, str] = {}
    with only_result_on_stdout() as result:
        from runtime_bench.runtimes.guest import inspect_as_guest

        warn_if_unconfined()
        for path in chosen:
            try:
                look_at_artefact(path)
                found[path] = inspect_as_guest(path)
            except InputError as error:
                if len(chosen) == 1:
                    raise
                refused[path] = str(error)
                typer.echo(f"fbdeploy: {error}", err=True)
        if as_json:
            documents = [_document(*one) for one in found.items()]
            failures = [{"artefact": str(path), "message": why} for path, why in refused.items()]
            whole = {"artefacts": documents, "failures": failures}
            result.json(documents[0] if chosen == artefacts[:1] else whole)
        else:
            result.text("\n\n".join(_summary(*one) for one in found.items()))
    if refused:
        raise typer.Exit(1)


def _document(artefact: Path, found: Inspection) -> dict[str, Any]:
    return {"artefact": str(artefact), **found.model_dump(mode="json")}


def _summary(artefact: Path, found: Inspection) -> str:
    partitions = "" if found.partitions is None else f", {found.partitions} partitions"
    counts = sorted(found.operators.items(), key=lambda item: (-item[1], item[0]))
    lines = [
        f"{artefact}: {found.format}, {numbers.count(found.macs)} multiply-adds",
        f"in int8: {numbers.percent(found.int8_share, 1)}",
        f"in the delegate: {numbers.percent(found.delegated_share, 1)}{partitions}",
        "operators: " + ", ".join(f"{count} {name}" for name, count in counts),
        "constants: "
        + ", ".join(
            f"{numbers.size(count)} {dtype}" for dtype, count in found.weight_bytes.items()
        ),
    ]
    if found.arena_bytes is not None:
        lines.append(f"planned memory: {numbers.size(found.arena_bytes)}")
    for island in found.islands:
        names = ", ".join(island.operators)
        reason = f": {island.reason}" if island.reason else ""
        cost = numbers.percent(island.share, 1)
        lines.append(f"{island.kind}, {cost} of the cost: {names}{reason}")
    return "\n".join([*lines, *found.notes])
