"""``fbdeploy calibrate``: a core's cycles as a device's milliseconds, and how wrong that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.types import paths
from fbdeploy.cli.types.reading import text
from fbdeploy.report import numbers

if TYPE_CHECKING:
    from runtime_bench.emulation.latency_model import LatencyModel


def calibrate(
    measured: Annotated[
        Path,
        typer.Argument(
            parser=paths.file_in,
            metavar="MEASURED",
            help="The results.jsonl of networks measured on the device.",
        ),
    ],
    emulated: Annotated[
        Path,
        typer.Argument(
            parser=paths.file_in,
            metavar="EMULATED",
            help="The results.jsonl of the same artefacts on arm://CORE.",
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            parser=text, metavar="TARGET", help="The measured target, if the file holds several."
        ),
    ] = None,
    core: Annotated[
        str | None,
        typer.Option(
            parser=text, metavar="CORE", help="The emulated core, if the file holds several."
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            parser=paths.file_out, metavar="FILE", help="Where the calibration is written."
        ),
    ] = Path("calibration.json"),
    as_json: options.Json = False,
) -> None:
    """Fit the scale between an emulated core's cycles and a device's milliseconds; tell its error.

    At least three artefacts, measured and emulated with one thread. The error of each is told as
    fitted with it and without it (leave one out).

    Example:  fbdeploy calibrate pixel.jsonl a76.jsonl --output pixel.json
    """
    with only_result_on_stdout() as result:
        from fbdeploy.latency.calibration import fit_from_results
        from zoo.files import atomic_file

        fitted = fit_from_results(measured, emulated, target=target, core=core)
        with atomic_file(output) as partial:
            partial.write_text(fitted.calibration.model_dump_json(indent=1) + "\n")
        if as_json:
            document = {
                "calibration": fitted.calibration.model_dump(mode="json"),
                "mean_error": fitted.calibration.mean_error(),
                "noisy": list(fitted.noisy),
                "output": str(output),
            }
            result.json(document)
        else:
            result.text(_summary(fitted.calibration, fitted.noisy))
            result.text(f"written to {output}")


def _summary(calibration: LatencyModel, noisy: tuple[str, ...]) -> str:
    width = max(len(point.network) for point in calibration.points) + 2
    lines = [f"{'':{width}}{'cycles':>14}{'ms':>9}{'error':>9}{'left out':>10}"]
    for point, error, alone in zip(
        calibration.points, calibration.errors, calibration.leave_one_out, strict=True
    ):
        lines.append(
            f"{point.network:{width}}{point.cycles:>14,.0f}"
            f"{numbers.significant(point.milliseconds):>9}{error:>+9.1%}{alone:>+10.1%}"
            + ("  noisy" if point.network in noisy else "")
        )
    lines.append(
        f"arm://{calibration.core} as {calibration.device}: "
        f"{calibration.scale * 1e6:.3g} ms a million cycles, "
        f"mean error {calibration.mean_error():.1%} (each estimated from the others)"
    )
    return "\n".join(lines)
