"""``fbdeploy inspect``: what is inside an artefact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.guest import warn_if_unconfined
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths
from fbdeploy.report import numbers

if TYPE_CHECKING:
    from export.inspection import Inspection


def inspect(
    artefact: Annotated[
        Path,
        typer.Argument(
            parser=paths.path_in,
            metavar="ARTEFACT",
            help="A model.pte, .pt, .onnx, .tflite, .mlpackage.",
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Operators, the shares of int8 and of the delegate by MACs, and what stays outside.

    Example:  fbdeploy inspect out/int8/model.tflite
    """
    with only_result_on_stdout() as result:
        from runtime_bench.runtimes.guest import inspect_as_guest

        warn_if_unconfined()
        found = inspect_as_guest(artefact)
        if as_json:
            document = {"artefact": str(artefact), **found.model_dump(mode="json")}
            result.json(document)
        else:
            result.text(_summary(artefact, found))


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
