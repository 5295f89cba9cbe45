"""``fbdeploy finetune``: training a detector or segmenter on one's own pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fbdeploy.cli import options
from fbdeploy.cli.completion import network_names
from fbdeploy.cli.output import only_result_on_stdout
from fbdeploy.cli.progress import Steps
from fbdeploy.cli.types import numbers, paths, picture, training
from fbdeploy.cli.types.reading import text
from zoo.detection.rules import Norm

if TYPE_CHECKING:
    from tasks.finetune.loop import Finetuned


@dataclass(frozen=True)
class ScheduleOptions:
    """How long and how fast."""

    epochs: Annotated[
        int,
        typer.Option(
            parser=numbers.whole(1, 100_000), metavar="N", help="Times that all pictures are seen."
        ),
    ] = 20
    batch: Annotated[
        int,
        typer.Option(parser=numbers.whole(1, 1024), metavar="N", help="Pictures a step."),
    ] = 8
    rate: Annotated[
        float,
        typer.Option(parser=numbers.real(1e-8, 1.0), metavar="RATE", help="Highest learning rate."),
    ] = 3e-4
    held_out: Annotated[
        float,
        typer.Option(
            parser=numbers.real(0.01, 0.9),
            metavar="SHARE",
            help="Part of the pictures to score on, without --validation.",
        ),
    ] = 0.2
    seed: Annotated[
        int, typer.Option(parser=numbers.whole(0, 2**31), metavar="N", help="Of all that is drawn.")
    ] = 0


@dataclass(frozen=True)
class DetectorOptions:
    """Of detectors; what is left out is as the weights have it."""

    iou_thresholds: Annotated[
        training.Pair | None,
        typer.Option(
            parser=training.thresholds,
            metavar="LOWER,UPPER",
            help="Overlap below which an anchor is background, and from which it is an object's.",
        ),
    ] = None
    frozen_stages: Annotated[
        int | None,
        typer.Option(
            parser=numbers.whole(0, 10),
            metavar="N",
            help="Stages of the backbone left as they are.",
        ),
    ] = None
    norm: Annotated[
        Norm | None,
        typer.Option(
            "--norm", parser=training.norm, metavar="NAME", help="BN, SyncBN, naiveSyncBN or GN."
        ),
    ] = None
    pre_nms: Annotated[
        int | None,
        typer.Option(
            parser=numbers.whole(1, 10_000),
            metavar="N",
            help="Proposals that go into suppression.",
        ),
    ] = None
    post_nms: Annotated[
        int | None,
        typer.Option(
            parser=numbers.whole(1, 10_000), metavar="N", help="Proposals that come out of it."
        ),
    ] = None
    box_pooler_resolution: Annotated[
        int | None,
        typer.Option(
            parser=numbers.whole(1, 64), metavar="N", help="Bins a side that the box head sees."
        ),
    ] = None
    mask_pooler_resolution: Annotated[
        int | None,
        typer.Option(
            parser=numbers.whole(2, 64), metavar="N", help="Bins a side that the mask head sees."
        ),
    ] = None


_NO_SCHEDULE, _NO_CHOICES = ScheduleOptions(), DetectorOptions()


@options.grouped
def finetune(
    network: Annotated[
        str,
        typer.Argument(
            parser=paths.network,
            metavar="NETWORK",
            help="An FBNetV3 detector, default-detector or a segmenter; see 'fbdeploy zoo'.",
            autocompletion=network_names,
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            parser=paths.file_or_name,
            metavar="DATA",
            help="Pictures with boxes, or a folder with images/ and masks/.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            parser=paths.folder_out,
            metavar="FOLDER",
            help="For the weights and the results; a run that was cut off there goes on.",
        ),
    ] = Path("finetuned"),
    weights: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name,
            metavar="FILE",
            help="A .safetensors, .pth or .pt state dict to start from.",
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            parser=paths.file_or_name,
            metavar="DATA",
            help="To score on, instead of a part of --data.",
        ),
    ] = None,
    num_classes: Annotated[
        int | None,
        typer.Option(
            parser=numbers.classes,
            metavar="N",
            help="Of a segmenter, background included; a detector has its data's.",
        ),
    ] = None,
    input_size: Annotated[
        picture.Size | None,
        typer.Option(
            parser=picture.size, metavar="SIZE", help="Pixels of the input: 320 or 192x256."
        ),
    ] = None,
    schedule: ScheduleOptions = _NO_SCHEDULE,
    choices: DetectorOptions = _NO_CHOICES,
    device: Annotated[
        str | None,
        typer.Option(parser=text, metavar="NAME", help="cpu or cuda; a GPU where torch has one."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Train a detector or segmenter on your own pictures, from weights of other classes.

    Prints the average precision, or mean IoU, on held-out pictures before and after.

    Example:  fbdeploy finetune fbnetv3_a_dsmask_c4 --weights coco.safetensors
    --data photos/boxes.json --output mine
    """
    from fbdeploy.api.finetune import FinetuneRequest, run_finetune
    from tasks.finetune.detectors import DetectorChoices
    from tasks.finetune.loop import told_of
    from tasks.finetune.subject import Settings

    request = FinetuneRequest(
        network,
        data,
        output,
        None if weights is None else Path(weights),
        validation,
        num_classes,
        None if input_size is None else (input_size.height, input_size.width),
        DetectorChoices(**vars(choices)),
        Settings(**vars(schedule)),
        device,
    )
    with only_result_on_stdout() as result:
        with Steps() as steps:
            found = run_finetune(request, steps.progress)
        if as_json:
            result.json(told_of(found))
        else:
            result.text(_line(found))


def _line(found: Finetuned) -> str:
    figures = ", ".join(
        f"{name} {found.before[name]:.3f} -> {value:.3f}" for name, value in found.after.items()
    )
    return (
        f"{figures} on {found.held_out:,} held-out pictures; {len(found.labels)} classes, "
        f"{found.pictures:,} pictures, {found.steps:,} steps\nWritten: {found.weights}"
    )
