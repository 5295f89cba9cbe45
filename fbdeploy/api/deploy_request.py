"""From what a user says, on the command line or in Python, to a deployment's request."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from export.format_info import OUTPUT_FORMS, Layout, OutputForm, TensorType
from export.graph_passes import skipped_passes
from fbdeploy.api.choosing import choices
from fbdeploy.pipeline.first_look import look_at_images, look_at_network
from fbdeploy.pipeline.formats import (
    FORMATS,
    as_builds,
    can_hold,
    check_installed,
    default_builds,
    installed_formats,
)
from fbdeploy.pipeline.image_sources import ImageSources, image_sources
from fbdeploy.pipeline.request import (
    DEFAULT_IMAGES,
    DEFAULT_MODE,
    DEFAULT_NETWORK,
    DeployRequest,
    InputOptions,
)
from fbdeploy.records.builds import BUILDS, Build
from runtime_bench.timing.modes import mode_of

Names = str | Sequence[str]
"""With commas, or one by one."""


def deploy_request(
    network: str = DEFAULT_NETWORK,
    weights: str | None = None,
    *,
    data: str | None = None,
    calibration: str | None = None,
    output: Path,
    formats: Names | None = None,
    precisions: Names | None = None,
    recipe: str = "ptq",
    num_classes: int | None = None,
    input: InputOptions = InputOptions(),  # noqa: B008 - it is frozen
    threads: int = 1,
    images: int | None = DEFAULT_IMAGES,
    skip_bad_images: bool = False,
    skip_passes: str | None = None,
    layout: Layout | None = None,
    input_type: TensorType = "float32",
    output_forms: Names | None = None,
    no_data: bool = False,
    artefacts_only: bool = False,
    accept_low_fidelity: bool = False,
    mode: str = DEFAULT_MODE,
) -> DeployRequest:
    """What is asked for, after a first look at names and files.

    Raises:
        ImagesMissing: images are needed and missing.
        InputError: a name is unknown, a file is missing, or options contradict each other.
    """
    look_at_network(network, weights)
    for place in (data, calibration):
        look_at_images(place)
    builds = builds_of(precisions, recipe)
    sources = image_sources(
        network,
        weights,
        ImageSources(data, calibration),
        builds,
        no_data=no_data,
        artefacts_only=artefacts_only,
    )
    return DeployRequest(
        network=network,
        weights=weights,
        num_classes=num_classes,
        input=input,
        data=sources.data,
        calibration=sources.calibration,
        formats=_formats(formats),
        builds=builds,
        recipe=recipe,
        output=output,
        threads=threads,
        images=images,
        skip_bad_images=skip_bad_images,
        accept_low_fidelity=accept_low_fidelity,
        layout=layout,
        input_type=input_type,
        output_forms=_output_forms(output_forms),
        mode=mode_of(mode).name,
        skip_passes=() if skip_passes is None else tuple(sorted(skipped_passes(skip_passes))),
    )


def left_out(request: DeployRequest, formats: Names | None) -> list[str]:
    """Lines on what will not be made: formats that are not installed, builds that a format has
    not."""
    missing = [name for name in FORMATS if formats is None and name not in request.formats]
    lines = [f"{name} is left out: pip install 'fbdeploy[{name}]' brings it" for name in missing]
    return lines + [
        f"{fmt} has no {build}: its runtimes gain nothing"
        for fmt in request.formats
        for build in request.builds
        if not can_hold(fmt, build)
    ]


def builds_of(given: Names | None, recipe: str) -> tuple[Build, ...]:
    """The builds asked for; without, those that are made by default with ``recipe``.

    Raises:
        InputError: a name is unknown, or there is no such recipe.
    """
    if given is None:
        return default_builds(recipe)
    return as_builds(choices(given, BUILDS, "--precisions"))


def _output_forms(given: Names | None) -> tuple[OutputForm, ...]:
    chosen = () if given is None else choices(given, OUTPUT_FORMS, "--output-forms")
    return tuple(form for form in OUTPUT_FORMS if form in chosen)


def _formats(given: Names | None) -> tuple[str, ...]:
    if given is None:
        return installed_formats()
    chosen = choices(given, FORMATS, "--formats")
    for fmt in chosen:
        check_installed(fmt)
    return chosen
