"""The steps' worker halves, in one table."""

from __future__ import annotations

from dataclasses import dataclass

from fbdeploy.pipeline.steps.bench import BenchArguments, bench
from fbdeploy.pipeline.steps.bundle import BundleArguments, bundle
from fbdeploy.pipeline.steps.evaluate import EvaluateArguments, evaluate
from fbdeploy.pipeline.steps.export import ExportArguments, export
from fbdeploy.pipeline.steps.parts import PartArguments, answer
from fbdeploy.pipeline.steps.prepare import PrepareArguments, prepare
from fbdeploy.pipeline.steps.reference import ReferenceArguments, reference
from fbdeploy.pipeline.steps.search import SearchArguments, search
from fbdeploy.pipeline.steps.train import TrainArguments, train
from fbdeploy.pipeline.workers.jobs import Work


@dataclass(frozen=True)
class Stages:
    """What workers do in each step; tests put their own in place."""

    prepare: Work[PrepareArguments] = prepare
    train: Work[TrainArguments] = train
    reference: Work[ReferenceArguments] = reference
    export: Work[ExportArguments] = export
    evaluate: Work[EvaluateArguments] = evaluate
    bundle: Work[BundleArguments] = bundle
    bench: Work[BenchArguments] = bench
    part: Work[PartArguments] = answer
    search: Work[SearchArguments] = search
