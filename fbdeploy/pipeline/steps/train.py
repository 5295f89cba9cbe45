"""Train: the int8 program, further, for int8-qat."""

from __future__ import annotations

import time

from fbdeploy.pipeline.deployment import Deployment
from fbdeploy.pipeline.known import Quantized
from fbdeploy.pipeline.running import StepArguments, StepJob
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.steps.checks import Checks, check_program
from fbdeploy.pipeline.steps.images import calibration_images, calibration_info, counter
from fbdeploy.pipeline.steps.opening import requested_network, requested_recipe, worker_threads
from fbdeploy.pipeline.steps.programs import (
    most_images,
    quantization_of,
    train_program,
    training_key,
)
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.records.manifest import DatasetInfo

MEMORY = 4000 * MEGABYTE


class TrainArguments(StepArguments):
    """``start`` is the int8 program's key, ``data`` the images that artefacts are checked on."""

    network_key: str
    data: DatasetInfo
    start: str


def jobs(deployment: Deployment, work: Work[TrainArguments]) -> list[StepJob]:
    """One, unless training was not asked for or is done."""
    if "int8-qat" not in deployment.request.builds or "qat" in deployment.programs:
        return []
    job = Job.calling(
        work,
        TrainArguments(
            request=deployment.request,
            network_key=deployment.prepared.network_key,
            data=deployment.prepared.check_data,
            start=deployment.programs["ptq"].key,
        ),
        name="train",
        title="quantization-aware training",
        memory=MEMORY,
        exclusive=True,
    )

    def keep(made: Quantized) -> None:
        deployment.folder.set_program(made.program, made.quantization)

    return [
        StepJob(
            job,
            {Quantized: keep},
            step="train",
            lost=lambda: ("int8-qat",),
            bad_input_ends=True,
        )
    ]


def train(report: Reporter, asked: TrainArguments) -> None:
    """Train the int8 program further, or go on where that was cut off; hands over ``Quantized``."""
    from quantize.program import load_program

    request, work = asked.request, asked.work
    recipe = requested_recipe(request)
    network = requested_network(request, asked.network_key)
    dataset = calibration_images(request, network, labelled=bool(recipe.qat.label_weight))
    info = calibration_info(request, dataset, most_images(recipe))
    key, began = training_key(asked.start, info, recipe), time.monotonic()
    program = train_program(
        load_program(work.program("ptq")),
        network,
        dataset,
        recipe,
        work.training,
        threads=worker_threads(),
        read=counter(report.progress, "reading training images", info.images),
        progress=report.progress,
    )
    program.save(work.program("qat"))
    check_program(Checks(work, asked.network_key, asked.data.identity), "qat")
    quantization = quantization_of(program, recipe, info, key, began)
    report.result(Quantized(program="qat", quantization=quantization))
    if not program.summary.kept["qat"]:
        report.note("training did not lower the held-out divergence: int8-qat is the int8 program")
