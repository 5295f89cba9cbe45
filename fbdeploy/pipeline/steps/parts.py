"""Parts: what the float network or artefacts answer on a part of many images, a job each.

The steps that need all answers, ``reference`` and ``evaluate``, find them here and join them; where
a part is missing they run everything themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.pipeline.deployment import Deployment
from fbdeploy.pipeline.running import StepArguments, StepJob
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.steps.images import (
    counter,
    evaluation_batches,
    evaluation_images,
    note_skipped,
)
from fbdeploy.pipeline.steps.opening import open_scored, requested_network, worker_threads
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.pipeline.workers.runner import Slots
from fbdeploy.records.manifest import Artefact, DatasetInfo
from zoo.datasets.batching import Part

if TYPE_CHECKING:
    from export.format_info import OutputForm
    from runtime_bench.accuracy import Evaluation
    from runtime_bench.runtimes.base import Answering
    from tasks.base import Task
    from zoo.networks import Network

MEMORY = 1200 * MEGABYTE
PART_IMAGES = 2000
"""Fewer are not worth a process of their own, which imports and loads for seconds."""


class PartArguments(StepArguments):
    """Part ``number`` of ``of``; ``artefacts`` are of one format, none for the float network."""

    network_key: str
    artefacts: tuple[Artefact, ...]
    data: DatasetInfo
    number: int
    of: int


def parts_of(deployment: Deployment, slots: Slots) -> int:
    """How many parts the images are worth where so many jobs run at once; 1 for as a whole."""
    data = deployment.prepared.evaluation_data
    return 1 if data is None else max(1, min(slots.count, data.images // PART_IMAGES))


def float_jobs(deployment: Deployment, work: Work[PartArguments], of: int) -> list[StepJob]:
    """Those of the float network, unless its answers are kept."""
    data = deployment.prepared.evaluation_data
    key = deployment.prepared.network_key
    if data is None or deployment.start.work.reference(key, data.identity).exists():
        return []
    return _jobs(deployment, work, (), key, data, of)


def artefact_jobs(
    deployment: Deployment,
    work: Work[PartArguments],
    todo: dict[str, tuple[Artefact, ...]],
    of: int,
) -> list[StepJob]:
    """Those of the artefacts that are to be scored, by format."""
    data = deployment.prepared.evaluation_data
    if data is None:
        return []
    jobs = []
    for entries in todo.values():
        jobs += _jobs(deployment, work, entries, entries[0].sha256, data, of)
    return jobs


def _jobs(
    deployment: Deployment,
    work: Work[PartArguments],
    artefacts: tuple[Artefact, ...],
    last: str,
    data: DatasetInfo,
    of: int,
) -> list[StepJob]:
    """Jobs for the parts of which nothing is there; ``last`` is whose answers a job keeps last."""
    what = f"{artefacts[0].format} accuracy" if artefacts else "float network"
    name = artefacts[0].format if artefacts else "float"
    found = []
    for number in range(of):
        if _file(deployment.start.work, last, data, number, of).exists():
            continue
        job = Job.calling(
            work,
            PartArguments(
                request=deployment.request,
                network_key=deployment.prepared.network_key,
                artefacts=artefacts,
                data=data,
                number=number,
                of=of,
            ),
            name=f"part-{name}-{number + 1}",
            title=f"{what}, part {number + 1} of {of}",
            memory=MEMORY,
        )
        found.append(StepJob(job, {}))
    return found


def answer(report: Reporter, asked: PartArguments) -> None:
    """Keep the answers on a part of the images."""
    from runtime_bench.runtimes.module_session import ModuleSession
    from tasks.table import task_named

    network = requested_network(asked.request, asked.network_key)
    task = task_named(network.task)
    if not asked.artefacts:
        spec, threads = network.input_spec, worker_threads()
        floats = ModuleSession(network.module, spec, threads, network.interface)
        _keep(report, asked, network, floats, task, asked.network_key, "raw")
    for entry in reversed(asked.artefacts):
        session = open_scored(asked.request.output, entry, network)
        _keep(report, asked, network, session, task, entry.sha256, entry.output)


def _keep(
    report: Reporter,
    asked: PartArguments,
    network: Network,
    session: Answering,
    task: Task,
    whose: str,
    output: OutputForm,
) -> None:
    from runtime_bench.accuracy import evaluate, save_answers

    dataset = evaluation_images(asked.request, network)
    part = Part(asked.number, asked.of)
    batches = evaluation_batches(asked.request, network, dataset, part, output)
    count = counter(report.progress, "images", asked.data.images // asked.of)
    found = evaluate(session, batches, count, task)
    save_answers(found, _file(asked.work, whose, asked.data, asked.number, asked.of))
    if not asked.artefacts:
        note_skipped(dataset.skipped, report.note)


def joined(work: WorkFolder, whose: str, data: DatasetInfo) -> Evaluation | None:
    """The answers on all images, of the artefact or network of that identity, if all parts are
    there."""
    from runtime_bench.accuracy import load_answers, merged

    for folder in work.parts(whose, data.identity).glob("*"):
        of = int(folder.name)
        files = [_file(work, whose, data, number, of) for number in range(of)]
        if all(file.exists() for file in files):
            return merged([load_answers(file) for file in files])
    return None


def _file(work: WorkFolder, whose: str, data: DatasetInfo, number: int, of: int) -> Path:
    return work.parts(whose, data.identity) / f"{of}" / f"{number}.npz"
