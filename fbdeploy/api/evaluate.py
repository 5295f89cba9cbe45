"""``fbdeploy.evaluate``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from fbdeploy.api.errors import in_python
from fbdeploy.api.inputs import Channels, Size, input_options
from fbdeploy.api.scoring import Asked, Scoring, score
from fbdeploy.api.scoring_parts import score_in_parts
from fbdeploy.api.watching import Counting, Told, nobody, silent
from fbdeploy.pipeline.first_look import look_at_artefact, look_at_images
from fbdeploy.pipeline.request import InputOptions
from fbdeploy.pipeline.spread import Spread
from fbdeploy.records.described import described
from fbdeploy.records.manifest import Manifest
from runtime_bench.accuracy import (
    Agreement,
    Evaluation,
    EvaluationDocument,
    compare,
    document,
)
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.guest import UNCONFINED, confined
from tasks.scores import Score
from zoo.errors import InputError
from zoo.input_spec import Interpolation


@dataclass(frozen=True)
class Evaluated:
    """An artefact's accuracy in its own runtime, and against another artefact if there was one.

    ``precision`` is what the manifest beside the artefact's folder says, None without.
    """

    artefact: str
    format: str
    precision: str | None
    evaluation: Evaluation = field(repr=False)
    agreement: Agreement | None = field(default=None, repr=False)

    @property
    def images(self) -> int:
        """How many images were run."""
        return self.evaluation.images

    @property
    def scores(self) -> tuple[Score, ...]:
        """The metrics of the network's task, the headline first."""
        return tuple((self.agreement or self.evaluation).scores)

    @property
    def top1(self) -> float | None:
        """A classifier's share of right answers; None without labels."""
        return self.evaluation.top1

    @property
    def document(self) -> EvaluationDocument:
        """What ``fbdeploy evaluate --json`` prints."""
        return document(self.artefact, self.format, self.precision, self.evaluation, self.agreement)


@in_python
def evaluate(
    artefact: str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    reference: str | os.PathLike[str] | None = None,
    images: int | None = None,
    threads: int = 1,
    logits: str | None = None,
    input_size: Size | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    crop_pct: float | None = None,
    interpolation: Interpolation | None = None,
    skip_bad_images: bool = False,
    progress: Told | None = None,
) -> Evaluated:
    """The accuracy of an artefact in its own runtime, in a process of its own.

    Pre-processing and labels come from the ``manifest.json`` beside the artefact's folder.

    Args:
        artefact: a ``model.pte``, ``.pt``, ``.onnx``, ``.tflite`` or ``.mlpackage``.
        data: labelled images: a folder, or a dataset's name; None: those of the manifest.
        reference: another artefact to compare with, image by image.
        images: how many, spread evenly over the data; None: all.
        threads: of the runtime.
        logits: the output that holds the logits, of an artefact of several.
        input_size: pixels, one number or (height, width), of an artefact that takes any.
        mean: of each channel, of values in 0..1.
        std: of each channel.
        crop_pct: the part of the resized shorter side that the centre crop keeps, in 0.1..1.
        interpolation: ``nearest``, ``bilinear`` or ``bicubic``.
        skip_bad_images: leave out images that cannot be read.
        progress: is told, in a line, what is worth knowing.

    Raises:
        InputError: an artefact or the images cannot be had, or do not fit each other.
    """
    return evaluated(
        Path(artefact),
        None if data is None else os.fspath(data),
        None if reference is None else Path(reference),
        images=images,
        threads=threads,
        logits=logits,
        input=input_options(input_size, mean, std, crop_pct, interpolation),
        skip_bad_images=skip_bad_images,
        told=progress or nobody,
    )


def evaluated(
    artefact: Path,
    data: str | None,
    reference: Path | None,
    *,
    images: int | None,
    threads: int,
    logits: str | None,
    input: InputOptions,
    skip_bad_images: bool,
    told: Told,
    counting: Counting = silent,
    spread: Spread | None = None,
) -> Evaluated:
    """:func:`evaluate` of arguments that were read; ``counting`` shows how far it is. With
    ``spread`` it is done by jobs there, in parts of the images.

    Raises:
        InputError: as there.
        PipelineError: a job crashed.
    """
    paths = [artefact] if reference is None else [artefact, reference]
    for path in paths:
        look_at_artefact(path)
    look_at_images(data)
    known = [described(path) for path in paths]
    asked = [Asked(path, manifest) for path, (manifest, _) in zip(paths, known, strict=True)]
    _, entry = known[0]
    how = Scoring(
        data=data or _data_of(artefact, asked[0].manifest),
        limit=images,
        threads=threads,
        input=input,
        logits=logits,
        skip_bad_images=skip_bad_images,
        told=told,
        counting=counting,
    )
    if spread is not None:
        scored, *others = score_in_parts(asked, how, spread)
    else:
        if not confined():
            told(UNCONFINED)
        scored, *others = score(asked, how)
    return Evaluated(
        str(artefact),
        runtime_of(artefact).format,
        entry.precision if entry else None,
        scored,
        compare(scored, others[0]) if others else None,
    )


def _data_of(artefact: Path, manifest: Manifest | None) -> str:
    if manifest is None or manifest.evaluation_data is None:
        raise InputError(f"{artefact}: --data is missing; give a folder of labelled images")
    return manifest.evaluation_data.name
