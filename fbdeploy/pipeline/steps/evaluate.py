"""Evaluate: one format's artefacts on the evaluation images, against the float network."""

from __future__ import annotations

import time
import traceback
from functools import partial
from typing import TYPE_CHECKING

from fbdeploy.pipeline.deployment import Deployment
from fbdeploy.pipeline.environment import this_machine
from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.running import StepArguments, StepJob
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.steps.images import counter, evaluation_batches, evaluation_images
from fbdeploy.pipeline.steps.opening import open_scored, requested_network
from fbdeploy.pipeline.steps.parts import joined
from fbdeploy.pipeline.steps.pictures import least_alike
from fbdeploy.pipeline.workers.errors import is_disk_error, line_of
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.records.manifest import Artefact, DatasetInfo, Failure, Format, now
from fbdeploy.records.predictions import Predictions, images_sha256, write_predictions
from fbdeploy.records.results import Comparison, EvaluationLine, ScoreInfo
from zoo.files import exists, inside

if TYPE_CHECKING:
    from runtime_bench.accuracy import Agreement, Evaluation
    from tasks.base import Task
    from zoo.networks import Network

MEMORY = 1200 * MEGABYTE


class EvaluateArguments(StepArguments):
    """``artefacts`` are of one format, ``data`` the images to score them on."""

    network_key: str
    artefacts: tuple[Artefact, ...]
    data: DatasetInfo


def jobs(deployment: Deployment, work: Work[EvaluateArguments]) -> list[StepJob]:
    """One a format with artefacts that were not scored on the images, or lost their answers; none
    where nothing is scored."""
    data = deployment.prepared.evaluation_data
    if data is None:
        return []
    return [_job(deployment, work, fmt, left, data) for fmt, left in unscored(deployment).items()]


def unscored(deployment: Deployment) -> dict[Format, tuple[Artefact, ...]]:
    """The artefacts that were not scored on the images, or lost their answers, by format."""
    data, folder = deployment.prepared.evaluation_data, deployment.folder
    done = {
        line.sha256
        for line in folder.evaluations
        if line.dataset == data
        and line.predictions is not None
        and exists(inside(folder.path, line.predictions))
    }
    todo = [entry for entry in deployment.wanted if entry.sha256 not in done]
    found: dict[Format, tuple[Artefact, ...]] = {}
    for fmt in deployment.request.formats:
        artefacts = tuple(entry for entry in todo if entry.format == fmt)
        if artefacts:
            found[fmt] = artefacts
    return found


def _job(
    deployment: Deployment,
    work: Work[EvaluateArguments],
    fmt: Format,
    artefacts: tuple[Artefact, ...],
    data: DatasetInfo,
) -> StepJob:
    job = Job.calling(
        work,
        EvaluateArguments(
            request=deployment.request,
            network_key=deployment.prepared.network_key,
            artefacts=artefacts,
            data=data,
        ),
        name=f"evaluate-{fmt}",
        title=f"{fmt} accuracy",
        memory=MEMORY,
    )
    return StepJob(
        job,
        {
            EvaluationLine: deployment.folder.add_line,
            Failure: partial(deployment.fail, job.name),
        },
        step="evaluate",
        format=fmt,
    )


def evaluate(report: Reporter, asked: EvaluateArguments) -> None:
    """Score artefacts in their runtime; hands over an ``EvaluationLine`` or a ``Failure`` each.

    An artefact's answers are on the disk before its line says where.
    """
    from runtime_bench.accuracy import load_answers, with_targets

    network = requested_network(asked.request, asked.network_key)
    kept = load_answers(asked.work.reference(asked.network_key, asked.data.identity))
    images = images_sha256(evaluation_images(asked.request, network), kept.names)
    for entry in asked.artefacts:
        try:
            start = time.monotonic()
            found = joined(asked.work, entry.sha256, asked.data)
            if found is None:
                found = _run(report, asked, network, entry, kept.task)
            kept = with_targets(kept, found)
            report.result(_line(asked, network, entry, found, kept, images, start))
        except Exception as error:
            if is_disk_error(error):
                raise
            traceback.print_exc()
            report.result(Failure.of(entry.format, entry.build, "evaluate", line_of(error)))


def _line(
    asked: EvaluateArguments,
    network: Network,
    entry: Artefact,
    found: Evaluation,
    kept: Evaluation,
    images: str,
    start: float,
) -> EvaluationLine:
    import numpy as np

    from runtime_bench.accuracy import compare

    request = asked.request
    key = key_of(artefact=entry.sha256, data=asked.data.identity)
    agreement, parts = compare(found, kept), found.parts(kept)
    shown = None
    if entry.precision == "int8":
        spec, dataset = network.input_spec, evaluation_images(request, network)
        shown = least_alike(parts, dataset, spec, found.names, request.images)
    answers = Predictions(
        images_sha256=images,
        names=found.names,
        task=found.task.name,
        predictions=found.predictions,
        reference=kept.predictions,
        labels=np.array([t for t in found.targets if isinstance(t, int)], np.int32),
        parts=parts,
        shown=shown,
    )
    return EvaluationLine(
        key=key,
        time=now(),
        format=entry.format,
        precision=entry.precision,
        program=entry.program,
        variant=entry.variant,
        sha256=entry.sha256,
        dataset=asked.data,
        images=found.images,
        scores=tuple(map(ScoreInfo.of, agreement.scores)),
        top1=found.top1,
        top5=found.top5,
        top1_interval=found.top1_interval,
        comparison=_comparison(agreement),
        predictions=write_predictions(request.output, key, answers),
        seconds=time.monotonic() - start,
        machine=this_machine(),
    )


def _run(
    report: Reporter, asked: EvaluateArguments, network: Network, entry: Artefact, task: Task
) -> Evaluation:
    from runtime_bench.accuracy import evaluate as run

    dataset = evaluation_images(asked.request, network)
    session = open_scored(asked.request.output, entry, network)
    count = counter(report.progress, entry.name, asked.data.images)
    batches = evaluation_batches(asked.request, network, dataset, output=entry.output)
    return run(session, batches, count, task)


def _comparison(agreement: Agreement) -> Comparison | None:
    """What was always told of classifiers; None for other tasks."""
    if agreement.kl is None:
        return None
    return Comparison(
        reference="float network",
        top1=agreement.reference_top1,
        agreement=agreement.agreement,
        kl=agreement.kl,
        top1_difference=agreement.top1_difference,
        difference_interval=agreement.difference_interval,
        mcnemar_p=agreement.mcnemar_p,
    )
