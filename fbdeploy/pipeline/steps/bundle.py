"""Bundle: what the demo apps can run, packed for them with images and their answers."""

from __future__ import annotations

from fbdeploy.pipeline.deployment import Deployment
from fbdeploy.pipeline.running import StepArguments, StepJob
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.steps.opening import worker_threads
from fbdeploy.pipeline.workers.jobs import Job, Reporter, Work
from fbdeploy.records.bundle_schema import APP_FORMATS

MEMORY = 1800 * MEGABYTE


class BundleArguments(StepArguments):
    """The request says it all."""


def jobs(deployment: Deployment, work: Work[BundleArguments]) -> list[StepJob]:
    """One, unless there is a bundle from a run that exported the same, or nothing that the apps
    run."""
    wanted = [entry for entry in deployment.shippable if entry.format in APP_FORMATS]
    if not wanted or deployment.folder.has_bundle:
        return []
    job = Job.calling(
        work,
        BundleArguments(request=deployment.request),
        name="bundle",
        title="demo bundle",
        memory=MEMORY,
    )
    return [StepJob(job, {}, step="bundle")]


def bundle(report: Reporter, asked: BundleArguments) -> None:
    """Pack the bundle with golden images from those that artefacts are checked on."""
    from fbdeploy.apps.demo_bundle import write_bundle
    from fbdeploy.apps.goldens import golden_samples, samples_of
    from fbdeploy.records.manifest import read_manifest
    from zoo.datasets import open_pictures

    request = asked.request
    report.progress("demo bundle", 0.0)
    task = read_manifest(request.output).network.task
    pictures = open_pictures(task, request.check_images, skip_bad_images=request.skip_bad_images)
    samples = golden_samples(pictures, samples_of(task))
    write_bundle(request.output, samples, threads=worker_threads())
