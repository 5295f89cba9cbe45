"""Reference: the float network's answers, which artefacts are compared with, and their verdict."""

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
from fbdeploy.pipeline.steps.opening import requested_network, worker_threads
from fbdeploy.pipeline.steps.parts import joined
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.records.fidelity import FloatCheck
from fbdeploy.records.manifest import (
    DatasetInfo,
)
from zoo.errors import InputError

if TYPE_CHECKING:
    from runtime_bench.accuracy import Evaluation

MEMORY = 1200 * MEGABYTE


class ReferenceArguments(StepArguments):
    """``data`` are the images that artefacts are scored on."""

    network_key: str
    data: DatasetInfo


def jobs(deployment: Deployment, work: Work[ReferenceArguments]) -> list[StepJob]:
    """One, which every evaluation depends on; none where nothing is scored."""
    data = deployment.prepared.evaluation_data
    if data is None:
        return []
    job = Job.calling(
        work,
        ReferenceArguments(
            request=deployment.request,
            network_key=deployment.prepared.network_key,
            data=data,
        ),
        name="reference",
        title="float network on the evaluation images",
        memory=MEMORY,
        vital=True,
    )
    return [StepJob(job, {FloatCheck: deployment.folder.set_float_check})]


def reference(report: Reporter, asked: ReferenceArguments) -> None:
    """Run the float network unless its answers are kept; hands over the ``FloatCheck``, if its task
    has one."""
    from fbdeploy.pipeline.steps.float_check import check_of
    from runtime_bench.accuracy import save_answers

    path = asked.work.reference(asked.network_key, asked.data.identity)
    found = _kept(path)
    if found is None:
        found = joined(asked.work, asked.network_key, asked.data) or _run(report, asked)
        save_answers(found, path)
    checked = check_of(found)
    if checked is not None:
        report.result(checked)


def _kept(path: Path) -> Evaluation | None:
    """The answers of an earlier run; None where there are none, or they are damaged."""
    from runtime_bench.accuracy import load_answers

    try:
        return load_answers(path)
    except InputError:
        return None


def _run(report: Reporter, asked: ReferenceArguments) -> Evaluation:
    from runtime_bench.accuracy import evaluate
    from runtime_bench.runtimes.module_session import ModuleSession
    from tasks.table import task_named

    network = requested_network(asked.request, asked.network_key)
    dataset = evaluation_images(asked.request, network)
    session = ModuleSession(network.module, network.input_spec, worker_threads(), network.interface)
    count = counter(report.progress, "float network", asked.data.images)
    batches = evaluation_batches(asked.request, network, dataset)
    found = evaluate(session, batches, count, task_named(network.task))
    note_skipped(dataset.skipped, report.note)
    return found
