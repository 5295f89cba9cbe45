"""Prepare: the network and its images are identified, and the int8 program is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel

from fbdeploy.pipeline.known import Known, Prepared, Quantized
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.running import PipelineError, Start, StepArguments, StepJob
from fbdeploy.pipeline.space import (
    MEGABYTE,
    artefact_bytes,
    check_space,
    program_bytes,
)
from fbdeploy.pipeline.steps.checks import Checks, check_program
from fbdeploy.pipeline.steps.images import (
    at_once,
    calibration_images,
    calibration_info,
    check_images,
    counter,
    dataset_info,
    note_skipped,
    read_images,
)
from fbdeploy.pipeline.steps.opening import (
    key_of_network,
    requested_network,
    requested_recipe,
    state_sha256,
    worker_threads,
)
from fbdeploy.pipeline.steps.programs import (
    most_images,
    program_key,
    quantization_of,
    training_key,
)
from fbdeploy.pipeline.steps.search import Halted, SearchArguments, search_jobs
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.records.builds import ProgramName, program_of
from fbdeploy.records.manifest import (
    DatasetInfo,
    Manifest,
    NetworkInfo,
    OutputInfo,
    Quantization,
    Weights,
)
from zoo.errors import InputError

if TYPE_CHECKING:
    from quantize.graph.capture import Captured
    from quantize.recipe import Recipe
    from zoo.datasets import Dataset
    from zoo.networks import Network

NAME = "prepare"
MEMORY = 2500 * MEGABYTE
"""Expected peak of resident memory."""
FEWEST_CHECK_IMAGES = 4
"""There are ``BATCH`` where outputs are of ordinary size."""


class PrepareArguments(StepArguments):
    """``known_programs`` are those of an earlier run; so many ``processes`` can share a search."""

    known_programs: dict[ProgramName, Quantization]
    processes: int = 1


def find(
    start: Start,
    previous: Manifest | None,
    work: Work[PrepareArguments],
    searching: Work[SearchArguments],
    processes: int,
) -> Known:
    """Have a worker do it, and others share its search for operators to leave in float where that
    is worth so many ``processes``.

    Raises:
        InputError: the network, the recipe or the images cannot be had, or there is too little
            room.
        PipelineError: the worker crashed.
    """
    found = _Finding(start, resumes=previous is not None)
    known = previous.quantizations if previous else {}
    job = Job.calling(
        work,
        PrepareArguments(request=start.request, known_programs=known, processes=processes),
        name=NAME,
        title="network and int8 program",
        memory=MEMORY,
        exclusive=True,
        vital=True,
    )
    results: dict[type[BaseModel], Callable[..., None]] = {
        Prepared: found.take_network,
        Quantized: found.take_program,
        Halted: found.halted.append,
    }
    start.run([StepJob(job, results)])
    while found.halted:
        start.run(search_jobs(start, found.halted.pop(), searching, processes))
        start.run([StepJob(job, results)])
    if not found.networks:
        log = start.request.output / start.work.log_of(NAME)
        raise PipelineError(f"prepare ended without a network ({log})")
    return Known(found.networks[-1], found.programs)


@dataclass
class _Finding:
    start: Start
    resumes: bool
    networks: list[Prepared] = field(default_factory=list)
    programs: dict[ProgramName, Quantization] = field(default_factory=dict)
    halted: list[Halted] = field(default_factory=list)

    def take_network(self, prepared: Prepared) -> None:
        self.networks.append(prepared)
        if not self.resumes:
            request, parameters = self.start.request, prepared.network.parameters or 0
            needed = program_bytes(request, parameters) + artefact_bytes(request, parameters)
            check_space(request.output, needed)

    def take_program(self, quantized: Quantized) -> None:
        self.programs[quantized.program] = quantized.quantization


def prepare(report: Reporter, asked: PrepareArguments) -> None:
    """Load the network and both datasets, and make the int8 program unless it is there already.

    Hands over ``Prepared`` and a ``Quantized`` each program that is there, or ``Halted`` if the
    program waits for what other jobs find out.
    """
    from quantize.analysis.findings import Unfinished
    from runtime_bench.runtimes.module_session import ModuleSession

    request, work = asked.request, asked.work
    recipe = requested_recipe(request)
    report.progress("loading the network", 0.0)
    network = requested_network(request)
    if request.output_forms and network.task != "segmentation":
        raise InputError(
            f"{network.name}: is for {network.task}, and --output-forms is for segmentation; leave "
            "it out"
        )
    state = state_sha256(network)
    network_key = key_of_network(network, state)
    images = check_images(request, network)
    data = dataset_info(request, request.check_images, len(images), request.images)
    report.result(_prepared(request, network, state, network_key, data))
    report.progress("capturing the network", 0.0)
    captured = captured_graph(work, network, network_key)
    checks = Checks(work, network_key, data.identity)
    # Fewer of outputs so large that as many would fill the memory; each then shows more answers.
    checked = max(FEWEST_CHECK_IMAGES, at_once(network.interface.image_bytes))
    checks.images(
        lambda: read_images(images, network, checked, worker_threads(), lambda count: None)
    )
    session = ModuleSession(network.module, network.input_spec, worker_threads(), network.interface)
    checks.outputs(work.graph(network_key), lambda: session.run(checks.images()))
    if not any(map(program_of, request.builds)):
        return
    calibration = calibration_images(request, network)
    info = calibration_info(request, calibration, recipe.calibration.images)
    key = program_key(network_key, info, recipe, request.skip_passes)
    try:
        quantization = _known_program(asked, "ptq", key) or _quantize(
            report, asked, network, captured, calibration, recipe, info, key
        )
    except Unfinished as unfinished:
        report.result(Halted(program_key=key, question=unfinished.question))
        return
    check_program(checks, "ptq")
    report.result(Quantized(program="ptq", quantization=quantization))
    if "int8-qat" in request.builds:
        info = calibration_info(request, calibration, most_images(recipe))
        trained = _known_program(asked, "qat", training_key(key, info, recipe))
        if trained is not None:
            check_program(checks, "qat")
            report.result(Quantized(program="qat", quantization=trained))


def _prepared(
    request: DeployRequest, network: Network, state: str, network_key: str, data: DatasetInfo
) -> Prepared:
    from zoo.counting import count

    counts = count(network.module, network.input_spec.shape)
    return Prepared(
        network_key=network_key,
        network=NetworkInfo(
            name=network.name,
            source=network.source,
            task=network.task,
            outputs=tuple(
                OutputInfo(name=output.name, shape=output.shape, meaning=output.meaning)
                for output in network.outputs
            ),
            parameters=counts.parameters,
            macs=counts.macs,
            num_classes=network.num_classes,
        ),
        weights=Weights(origin=network.weights.describe(), sha256=state),
        input_spec=network.input_spec,
        labels=network.labels,
        evaluation_data=None if request.data is None else data,
        check_data=data,
    )


def captured_graph(work: WorkFolder, network: Network, network_key: str) -> Captured:
    """The canonical float graph: captured once, and always read from ``work``.

    What is read lacks what only tracing knows, so that a program made of it is the same whether the
    graph was there already or not.
    """
    from quantize.graph.capture import capture, load_captured

    folder = work.graph(network_key)
    if not folder.exists():
        capture(network.module, network.input_spec, network.interface).save(folder)
    return load_captured(folder)


def _known_program(asked: PrepareArguments, name: ProgramName, key: str) -> Quantization | None:
    """What is known of a program, if that is still there and has ``key``."""
    known = asked.known_programs.get(name)
    if known is None or known.key != key:
        return None
    return known if (asked.work.program(name) / "program.json").exists() else None


def _quantize(
    report: Reporter,
    asked: PrepareArguments,
    network: Network,
    captured: Captured,
    dataset: Dataset,
    recipe: Recipe,
    info: DatasetInfo,
    key: str,
) -> Quantization:
    from quantize.corrections.halfway import Halfway
    from quantize.ptq import quantize_captured

    halfway = Halfway(asked.work.search(key), asked.processes)
    start = time.monotonic() - halfway.findings().seconds
    count = counter(report.progress, "reading calibration images", info.images)
    images = read_images(dataset, network, recipe.calibration.images, worker_threads(), count)
    note_skipped(dataset.skipped, report.note, "calibration ")
    skipped = asked.request.skip_passes
    program = quantize_captured(
        captured, network, images, recipe, report.progress, skipped=skipped, halfway=halfway
    )
    program.save(asked.work.program("ptq"))
    return quantization_of(program, recipe, info, key, start)
