"""What the workers do: the glue between the pipeline and zoo, quantize, export, runtime_bench.

Each function is one job (``jobs.Job.function``): it takes a ``Reporter`` and JSON arguments, and
hands every finished thing to the reporter at once. Heavy packages are imported inside.
"""

from __future__ import annotations

import os
import time
import traceback
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.format_info import FORMAT_INFO
from fbdeploy.pipeline.deploy import Exported, Prepared, Quantized
from fbdeploy.pipeline.keys import code_sha256, folder_identity, key_of, versions
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.steps.checks import Checks
from fbdeploy.pipeline.steps.opening import BATCH, open_network, read_images, state_sha256
from fbdeploy.pipeline.steps.parity import PartSearch, parity_of
from fbdeploy.pipeline.steps.programs import (
    most_images,
    program_folder,
    program_key,
    quantization_of,
    train_program,
    training_key,
)
from fbdeploy.pipeline.workers.worker import Reporter, is_disk_error, one_line
from fbdeploy.records.manifest import (
    Artefact,
    Coverage,
    DatasetInfo,
    Failure,
    Format,
    InputSpecInfo,
    Island,
    NetworkInfo,
    Precision,
    Quantization,
    Weights,
    now,
)
from fbdeploy.records.results import Comparison, EvaluationLine
from tasks import Outputs
from zoo.errors import InputError
from zoo.files import sha256_of, size_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quantize.graph.capture import Captured
    from quantize.recipe import Recipe
    from zoo.datasets import Dataset
    from zoo.input_spec import InputSpec
    from zoo.networks import Network

CHECK_IMAGES = 32
REJECTED = "rejected"
"""Folder in the work folder for artefacts that may not be shipped; all begin there."""


def prepare(
    report: Reporter, *, request: dict[str, Any], work: str, known_programs: dict[str, Any]
) -> None:
    """Load the network and both datasets, and make the int8 program unless it is there already."""
    from runtime_bench.runtimes.module_session import ModuleSession

    asked = DeployRequest.model_validate(request)
    recipe = _recipe(asked)
    report.progress("loading the network", 0.0)
    network = _network(asked)
    network_key = _network_key(network)
    evaluation = _evaluation(asked, network)
    report.result("prepared", _prepared(asked, network, network_key, evaluation))
    report.progress("capturing the network", 0.0)
    captured = _captured(Path(work), network, network_key)
    checks = Checks(Path(work), network_key, _data_info(asked, evaluation).identity)
    checks.images(lambda: _check_images(evaluation, network))
    session = ModuleSession(network.module, network.input_spec, _threads(), network.interface)
    checks.outputs(_graph_folder(Path(work), network_key), lambda: session.run(checks.images()))
    if not {"int8", "int8-qat"} & set(asked.precisions):
        return
    calibration = _calibration(asked, network)
    info = _dataset_info(asked.calibration, len(calibration), recipe.calibration.images)
    key = program_key(network_key, info, recipe, asked.skip_passes)
    quantization = _known_program(known_programs, Path(work), "int8", key) or _quantize(
        report,
        network,
        captured,
        calibration,
        recipe,
        info,
        key,
        program_folder(Path(work), "int8"),
        asked.skip_passes,
    )
    _check_program(checks, "int8")
    report.result("quantized", Quantized(precision="int8", quantization=quantization))
    if "int8-qat" in asked.precisions:
        info = _dataset_info(asked.calibration, len(calibration), most_images(recipe))
        key = training_key(key, info, recipe)
        trained = _known_program(known_programs, Path(work), "int8-qat", key)
        if trained is not None:
            _check_program(checks, "int8-qat")
            report.result("quantized", Quantized(precision="int8-qat", quantization=trained))


def train(
    report: Reporter,
    *,
    request: dict[str, Any],
    work: str,
    network_key: str,
    data: dict[str, Any],
    start: str,
) -> None:
    """Train the int8 program, whose key is ``start``, further; go on where that was cut off."""
    from quantize.program import load_program

    asked = DeployRequest.model_validate(request)
    recipe = _recipe(asked)
    network = _network(asked, network_key)
    dataset = _calibration(asked, network, labelled=bool(recipe.qat.label_weight))
    info = _dataset_info(asked.calibration, len(dataset), most_images(recipe))
    key, began = training_key(start, info, recipe), time.monotonic()
    program = train_program(
        load_program(program_folder(Path(work), "int8")),
        network,
        dataset,
        recipe,
        Path(work) / "training.safetensors",
        threads=_threads(),
        read=_Counter(report, "reading training images", info.images),
        progress=report.progress,
    )
    program.save(program_folder(Path(work), "int8-qat"))
    evaluation = DatasetInfo.model_validate(data)
    _check_program(Checks(Path(work), network_key, evaluation.identity), "int8-qat")
    quantization = quantization_of(program, recipe, info, key, began)
    report.result("quantized", Quantized(precision="int8-qat", quantization=quantization))
    if not program.summary.kept["qat"]:
        report.note("training did not lower the held-out KL: int8-qat is the int8 program")


def reference(report: Reporter, *, request: dict[str, Any], work: str, network_key: str) -> None:
    """The float network's logits on the evaluation images, kept to compare artefacts with."""
    from runtime_bench.accuracy import evaluate as run
    from runtime_bench.accuracy import save_logits
    from runtime_bench.runtimes.module_session import ModuleSession

    asked = DeployRequest.model_validate(request)
    network = _network(asked, network_key)
    dataset = _evaluation(asked, network)
    path = _reference_path(Path(work), network_key, _data_info(asked, dataset))
    if path.exists():
        return
    counter = _Counter(report, "float network", _count(len(dataset), asked.images))
    session = ModuleSession(network.module, network.input_spec, _threads(), network.interface)
    save_logits(run(session, _batches(asked, network, dataset), counter), path)
    if dataset.skipped:
        names = ", ".join(dataset.skipped)
        report.note(f"{len(dataset.skipped)} unreadable images are left out: {names}")


def export(
    report: Reporter,
    *,
    request: dict[str, Any],
    work: str,
    network_key: str,
    input_spec: dict[str, Any],
    data: dict[str, Any],
    form: Format,
    keys: dict[str, str],
) -> None:
    """Export one format in the precisions of ``keys``, each checked in its own runtime."""
    from zoo.input_spec import InputSpec

    asked = DeployRequest.model_validate(request)
    spec = InputSpec(**InputSpecInfo.model_validate(input_spec).model_dump())
    checks = Checks(Path(work), network_key, DatasetInfo.model_validate(data).identity)
    for precision in asked.precisions:
        if precision not in keys:
            continue
        try:
            made = _export_one(report, asked, checks, spec, form, precision, keys[precision])
            if made:
                report.result("exported", Exported(artefacts=made))
        except Exception as error:
            if is_disk_error(error):
                raise
            traceback.print_exc()
            report.result("failure", _failure(form, precision, "export", error))


def evaluate(
    report: Reporter,
    *,
    request: dict[str, Any],
    work: str,
    network_key: str,
    artefacts: list[dict[str, Any]],
    data: dict[str, Any],
) -> None:
    """Score artefacts of one format in their runtime, against the float network's logits.

    An artefact's answers are on the disk before its line says where.
    """
    import numpy as np

    from fbdeploy.records.predictions import Predictions, images_sha256, write_predictions
    from runtime_bench.accuracy import compare, load_logits
    from runtime_bench.accuracy import evaluate as run
    from runtime_bench.runtimes import RUNTIMES

    asked = DeployRequest.model_validate(request)
    network = _network(asked, network_key)
    info = DatasetInfo.model_validate(data)
    kept = load_logits(_reference_path(Path(work), network_key, info))
    images = images_sha256(asked.data, kept.names)
    for entry in (Artefact.model_validate(value) for value in artefacts):
        start = time.monotonic()
        key = key_of(artefact=entry.sha256, data=info.identity)
        try:
            dataset = _evaluation(asked, network)
            session = RUNTIMES[entry.format].load(asked.output / entry.path, _threads())
            counter = _Counter(report, entry.name, info.images)
            evaluation = run(session, _batches(asked, network, dataset), counter)
            agreement = compare(evaluation, kept)
            del session
            answers = Predictions(
                images_sha256=images,
                names=evaluation.names,
                labels=evaluation.labels.astype(np.int32),
                top1=evaluation.predictions.astype(np.int32),
                reference=kept.predictions.astype(np.int32),
            )
            predictions = write_predictions(asked.output, key, answers)
        except Exception as error:
            if is_disk_error(error):
                raise
            traceback.print_exc()
            report.result("failure", _failure(entry.format, entry.precision, "evaluate", error))
            continue
        report.result(
            "evaluated",
            EvaluationLine(
                key=key,
                time=now(),
                format=entry.format,
                precision=entry.precision,
                variant=entry.variant,
                sha256=entry.sha256,
                dataset=info,
                images=evaluation.images,
                top1=evaluation.top1,
                top5=evaluation.top5,
                top1_interval=_pair(evaluation.top1_interval),
                comparison=Comparison(
                    reference="float network",
                    top1=agreement.reference_top1,
                    agreement=agreement.agreement,
                    kl=agreement.kl,
                    top1_difference=agreement.top1_difference,
                    difference_interval=_pair(agreement.difference_interval),
                    mcnemar_p=agreement.mcnemar_p,
                ),
                predictions=predictions,
                seconds=time.monotonic() - start,
            ),
        )


def bench(
    report: Reporter, *, request: dict[str, Any], work: str, artefacts: list[dict[str, Any]]
) -> None:
    """Time all artefacts whose runtime is that of a device, interleaved in this process."""
    from runtime_bench.timing.modes import mode_of
    from runtime_bench.timing.protocol import benchmark
    from runtime_bench.timing.session import Subject

    asked = DeployRequest.model_validate(request)
    entries = [Artefact.model_validate(value) for value in artefacts]
    subjects = [
        Subject(asked.output / entry.path, entry.precision, entry.variant)
        for entry in entries
        if FORMAT_INFO[entry.format].timed
    ]
    measurements = benchmark(
        subjects,
        threads=asked.threads,
        mode=mode_of("quick"),
        progress=lambda done: report.progress("latency", done),
    )
    for measurement in measurements:
        path = Path(measurement.artefact).relative_to(asked.output).as_posix()
        report.result("timed", measurement.model_copy(update={"artefact": path}))


def bundle(report: Reporter, *, request: dict[str, Any], work: str) -> None:
    """Pack the demo apps' bundle with golden images from the evaluation data."""
    from fbdeploy.apps.demo_bundle import golden_samples, write_bundle
    from zoo.datasets import open_dataset

    asked = DeployRequest.model_validate(request)
    dataset = open_dataset(asked.data, labelled=False, skip_bad_images=asked.skip_bad_images)
    report.progress("demo bundle", 0.0)
    write_bundle(asked.output, golden_samples(dataset), threads=_threads())


class _Counter:
    """Turns counts of images into parts of the whole."""

    def __init__(self, report: Reporter, step: str, total: int) -> None:
        self._report, self._step, self._total, self._done = report, step, total, 0

    def __call__(self, images: int) -> None:
        self._done += images
        self._report.progress(self._step, self._done / max(1, self._total))


def _threads() -> int:
    """The threads the scheduler gives to this worker."""
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def _recipe(asked: DeployRequest) -> Recipe:
    from quantize.recipe import load_recipe

    return load_recipe(asked.recipe)


def _network(asked: DeployRequest, expected_key: str | None = None) -> Network:
    """The network as asked for.

    Raises:
        InputError: it cannot be had, or it is another than ``expected_key`` says.
    """
    network = open_network(asked.network, asked.weights, asked.num_classes, asked.input)
    if expected_key is not None and _network_key(network) != expected_key:
        raise InputError(
            f"{asked.network}: builds another network or other weights each time it is called; "
            "seed it, or give its weights with --weights"
        )
    return network


def _network_key(network: Network) -> str:
    return key_of(
        name=network.name,
        state=state_sha256(network),
        input={name: str(value) for name, value in asdict(network.input_spec).items()},
        classes=network.num_classes,
    )


def _prepared(
    asked: DeployRequest, network: Network, network_key: str, dataset: Dataset
) -> Prepared:
    from zoo.counting import count

    counts = count(network.module, network.input_spec.shape)
    spec = network.input_spec
    return Prepared(
        network_key=network_key,
        network=NetworkInfo(
            name=network.name,
            source=network.source,
            parameters=counts.parameters,
            macs=counts.macs,
            num_classes=network.num_classes,
        ),
        weights=Weights(origin=network.weights.describe(), sha256=state_sha256(network)),
        input_spec=InputSpecInfo.model_validate(asdict(spec)),
        labels=network.labels,
        evaluation_data=_data_info(asked, dataset),
    )


def _dataset(asked: DeployRequest, network: Network, source: str, *, labelled: bool) -> Dataset:
    from zoo.datasets import open_dataset

    return open_dataset(
        source,
        labelled=labelled,
        num_classes=network.num_classes if labelled else None,
        network_labels=network.labels,
        skip_bad_images=asked.skip_bad_images,
    )


def _evaluation(asked: DeployRequest, network: Network) -> Dataset:
    return _dataset(asked, network, asked.data, labelled=True)


def _calibration(asked: DeployRequest, network: Network, *, labelled: bool = False) -> Dataset:
    return _dataset(asked, network, asked.calibration, labelled=labelled)


def _captured(work: Path, network: Network, network_key: str) -> Captured:
    """The canonical float graph: captured once, and always read from ``work``.

    What is read lacks what only tracing knows, so that a program made of it is the same whether the
    graph was there already or not.
    """
    from quantize.graph.capture import capture, load_captured

    folder = _graph_folder(work, network_key)
    if not folder.exists():
        capture(network.module, network.input_spec, network.interface).save(folder)
    return load_captured(folder)


def _graph_folder(work: Path, network_key: str) -> Path:
    key = key_of(
        network=network_key,
        versions=dict(versions(("torch",))),
        code=code_sha256("quantize", "tasks", "zoo"),
    )
    return work / f"graph-{key}"


def _check_program(checks: Checks, precision: Precision) -> None:
    """Keep what the program of ``precision`` makes of the images that artefacts are checked on."""
    from quantize.program import load_program
    from runtime_bench.runtimes.module_session import run_module

    folder = program_folder(checks.work, precision)

    def run() -> Outputs:
        program = load_program(folder)  # only if its outputs are not kept yet
        return run_module(program.module(), program.interface, checks.images())

    checks.outputs(folder, run)


def _known_program(
    known: dict[str, Any], work: Path, precision: Precision, key: str
) -> Quantization | None:
    """What the manifest knows of a precision's program, if that is still there and has ``key``."""
    found = known.get(precision)
    if not found or found["key"] != key:
        return None
    if not (program_folder(work, precision) / "program.json").exists():
        return None
    return Quantization.model_validate(found)


def _batches(asked: DeployRequest, network: Network, dataset: Dataset) -> Any:
    from zoo.datasets import batches

    return batches(dataset, network.input_spec, BATCH, asked.images, threads=_threads())


def _count(available: int, limit: int | None) -> int:
    return available if limit is None else min(available, limit)


def _data_info(asked: DeployRequest, dataset: Dataset) -> DatasetInfo:
    return _dataset_info(asked.data, len(dataset), asked.images)


def _dataset_info(name: str, available: int, limit: int | None) -> DatasetInfo:
    from zoo.embedded import EMBEDDED_DATASETS, embedded_file

    images = _count(available, limit)
    if name in EMBEDDED_DATASETS and not Path(name).exists():
        identity = sha256_of(embedded_file(f"{name}.npz"))[:32]
    else:
        identity = folder_identity(Path(name))
    return DatasetInfo(name=name, images=images, identity=key_of(of=identity, images=images))


def _reference_path(work: Path, network_key: str, data: DatasetInfo) -> Path:
    return work / f"reference-{key_of(network=network_key, data=data.identity)}.npz"


def _quantize(
    report: Reporter,
    network: Network,
    captured: Captured,
    dataset: Dataset,
    recipe: Recipe,
    info: DatasetInfo,
    key: str,
    folder: Path,
    skipped: tuple[str, ...],
) -> Quantization:
    from quantize.ptq import quantize_captured

    start = time.monotonic()
    counter = _Counter(report, "reading calibration images", info.images)
    images = read_images(dataset, network, recipe.calibration.images, _threads(), counter)
    if dataset.skipped:
        names = ", ".join(dataset.skipped)
        report.note(f"{len(dataset.skipped)} unreadable calibration images are left out: {names}")
    program = quantize_captured(captured, network, images, recipe, report.progress, skipped=skipped)
    program.save(folder)
    return quantization_of(program, recipe, info, key, start)


def _export_one(
    report: Reporter,
    asked: DeployRequest,
    checks: Checks,
    spec: InputSpec,
    form: Format,
    precision: Precision,
    key: str,
) -> tuple[Artefact, ...]:
    """Write one precision and its variants, run each against its reference, look inside it.

    Nothing, with a note, where the format cannot hold the program.
    """
    from export.base import ExportSource, atomic_artefact
    from export.formats import FORMATS, left_out
    from quantize.graph.capture import load_captured
    from quantize.program import load_program
    from runtime_bench.runtimes import RUNTIMES

    exporter, runtime = FORMATS[form], RUNTIMES[form]
    skipped = frozenset(asked.skip_passes)
    if precision == "int8" or precision == "int8-qat":
        # A program is exported in the same way, however it came about.
        folder = program_folder(checks.work, precision)
        program = load_program(folder)
        reason = left_out(form, program)
        if reason is not None:
            report.note(f"{form} {precision} is left out: {reason}")
            return ()
        source = ExportSource("int8", spec, program.graph, program, skipped)
    else:
        folder = _graph_folder(checks.work, checks.network_key)
        captured = load_captured(folder)
        source = ExportSource(
            precision,
            spec,
            captured.graph,
            skipped=skipped,
            float_interface=captured.interface,
        )
    images, expected = checks.images(), checks.outputs(folder)
    made = []
    for variant in FORMAT_INFO[form].files(source.precision):
        start = time.monotonic()
        title = " ".join(part for part in (precision, variant) if part)
        name = "-".join(part for part in ("model", variant) if part)
        final = asked.output / precision / f"{name}{FORMAT_INFO[form].suffix}"
        # Where it stays if its runtime refuses it or it does not equal its reference.
        path = checks.work / REJECTED / precision / final.name
        report.progress(f"{title} export", 0.0)
        with atomic_artefact(path) as temporary:
            result = exporter.export(source, temporary, variant)
        report.progress(f"{title} check", 0.7)
        parity = parity_of(runtime.load(path, _threads()).run(images), expected, source)
        if not parity.passed:
            search = PartSearch(form, variant, images, _threads())
            layer = search.parted_at(
                source, partial(report.progress, f"{title}: which layer differs", 0.8)
            )
            parity = parity.model_copy(update={"parted_at": layer})
        accepted = final if parity.passed else path
        made.append(
            Artefact(
                key=key,
                format=form,
                precision=precision,
                variant=variant,
                path=accepted.relative_to(asked.output).as_posix(),
                sha256=sha256_of(path),
                bytes=size_of(path),
                runtime=runtime.name,
                runtime_version=runtime.version(),
                parity=parity,
                coverage=_coverage(path),
                preparation=tuple(f"{name} ({n})" for name, n in result.passes.items() if n),
                seconds=time.monotonic() - start,
            )
        )
        if parity.passed:
            with atomic_artefact(final) as temporary:
                path.replace(temporary)
    return tuple(made)


def _coverage(path: Path) -> Coverage:
    from export.inspection import inspect

    found = inspect(path)
    return Coverage(
        int8_share=found.int8_share,
        delegated_share=found.delegated_share,
        partitions=found.partitions,
        operators=found.operators,
        islands=tuple(
            Island(
                operators=island.operators,
                kind=island.kind,
                reason=island.reason,
                macs=island.macs,
                elements=island.elements,
                share=island.share,
            )
            for island in found.islands
        ),
        notes=found.notes,
    )


def _check_images(dataset: Dataset, network: Network) -> NDArray[np.float32]:
    import numpy as np

    from zoo.datasets import batches

    found = batches(dataset, network.input_spec, CHECK_IMAGES, CHECK_IMAGES, threads=_threads())
    return np.concatenate([images for images, _, _ in found])


def _failure(form: str, precision: str, step: Any, error: BaseException) -> Failure:
    return Failure(format=form, precision=precision, step=step, message=one_line(error))


def _pair(interval: Any) -> tuple[float, float] | None:
    return None if interval is None else interval.as_tuple()
