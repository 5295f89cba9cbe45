"""``fbdeploy fit-latency``: a core's cycles as a device's milliseconds, and how wrong that is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.renamed import say_renamed
from fbdeploy.cli.types import paths
from fbdeploy.cli.types.reading import text
from fbdeploy.report import numbers
from fbdeploy.report.table import table

if TYPE_CHECKING:
    from runtime_bench.emulation.latency_model import LatencyModel


Measured = Annotated[
    Path,
    typer.Argument(
        parser=paths.file_in,
        metavar="MEASURED",
        help="The results.jsonl of networks measured on the device.",
    ),
]
Emulated = Annotated[
    Path,
    typer.Argument(
        parser=paths.file_in,
        metavar="EMULATED",
        help="The results.jsonl of the same artefacts on arm://CORE.",
    ),
]
MeasuredTarget = Annotated[
    str | None,
    typer.Option(
        "--target",
        parser=text,
        metavar="TARGET",
        help="The measured target, if the file holds several.",
    ),
]
Core = Annotated[
    str | None,
    typer.Option(parser=text, metavar="CORE", help="The emulated core, if the file holds several."),
]
Output = Annotated[
    Path,
    typer.Option(parser=paths.file_out, metavar="FILE", help="Where the latency model is written."),
]


def fit_latency(
    measured: Measured,
    emulated: Emulated,
    target: MeasuredTarget = None,
    core: Core = None,
    output: Output = Path("latency-model.json"),
    as_json: options.Json = False,
) -> None:
    """Fit the scale between an emulated core's cycles and a device's milliseconds; tell its error.

    At least three artefacts, measured and emulated with one thread. The error of each is told as
    fitted with it and without it (leave one out).

    Example:  fbdeploy fit-latency pixel.jsonl a76.jsonl --output pixel.json
    """
    _fit(measured, emulated, target, core, output, as_json, key="latency_model")


def calibrate(
    measured: Measured,
    emulated: Emulated,
    target: MeasuredTarget = None,
    core: Core = None,
    output: Output = Path("calibration.json"),
    as_json: options.Json = False,
) -> None:
    """What fit-latency was called.

    Example:  fbdeploy fit-latency pixel.jsonl a76.jsonl --output pixel.json
    """
    _fit(measured, emulated, target, core, output, as_json, key="calibration")
    say_renamed("calibrate", "fit-latency")


def _fit(
    measured: Path,
    emulated: Path,
    target: str | None,
    core: str | None,
    output: Path,
    as_json: bool,
    *,
    key: str,
) -> None:
    """Fit and write; ``key`` is that of the model in the JSON document."""
    with only_result_on_stdout() as result:
        from fbdeploy.latency.fitting import fit_from_results
        from zoo.files import atomic_file

        fitted = fit_from_results(measured, emulated, target=target, core=core)
        with atomic_file(output) as partial:
            partial.write_text(fitted.model.model_dump_json(indent=1) + "\n")
        if as_json:
            document = {
                key: fitted.model.model_dump(mode="json"),
                "mean_error": fitted.model.mean_error(),
                "noisy": list(fitted.noisy),
                "output": str(output),
            }
            result.json(document)
        else:
            result.text(_summary(fitted.model, fitted.noisy))
            result.text(f"written to {output}")


def _summary(model: LatencyModel, noisy: tuple[str, ...]) -> str:
    rows = [
        (
            point.network,
            f"{point.cycles:,.0f}",
            numbers.significant(point.milliseconds),
            f"{error:+.1%}",
            f"{alone:+.1%}",
            "noisy" if point.network in noisy else "",
        )
        for point, error, alone in zip(model.points, model.errors, model.leave_one_out, strict=True)
    ]
    told = (
        f"arm://{model.core} as {model.device}: "
        f"{model.scale * 1e6:.3g} ms a million cycles, "
        f"mean error {model.mean_error():.1%} (each estimated from the others)"
    )
    return table(("", "cycles", "ms", "error", "left out", ""), rows) + "\n" + told
