"""What a deployment would make, and the time, memory and disk it is expected to take, before
anything is done: from the formats' rows, the modes of timing and the size of the weights."""

from __future__ import annotations

import itertools
import json
import math
import shutil
import struct
from pathlib import Path

from export.format_info import FORMAT_INFO, PIXELS, OutputForm, variant_in_form
from fbdeploy.pipeline.environment import cores
from fbdeploy.pipeline.formats import can_hold
from fbdeploy.pipeline.request import DEFAULT_NETWORK, DeployRequest
from fbdeploy.pipeline.space import BYTES_EACH, artefact_bytes, program_bytes
from fbdeploy.pipeline.steps import bench, bundle, evaluate, prepare, reference, train
from fbdeploy.pipeline.workers.machine import MEMORY_LIMIT, available_memory
from fbdeploy.records.builds import Build, precision_of
from fbdeploy.records.manifest import Format
from runtime_bench.timing.modes import MODES
from zoo.catalogue import catalogue
from zoo.documents import Count, Schema
from zoo.embedded import WEIGHTS_FILE, embedded_file
from zoo.files import exists

LIKE = "fbnetv3_b"
"""The network that the formats' seconds are of."""


class PlannedArtefact(Schema):
    """A file that would be made; ``bytes`` about, null where the parameters are not known."""

    format: Format
    build: Build
    variant: str
    path: str
    bytes: Count | None


class PlannedStep(Schema):
    """A step; ``memory_bytes`` is its expected peak, ``seconds`` null where nothing tells."""

    step: str
    memory_bytes: Count
    seconds: float | None


class Outlook(Schema):
    """The document of ``deploy --dry-run --json``.

    ``seconds`` are of the steps that can be told, as many at a time as there are cores;
    ``peak_memory_bytes`` of the largest step, or as many as run together.
    """

    output: str
    network: str
    parameters: Count | None
    artefacts: tuple[PlannedArtefact, ...]
    steps: tuple[PlannedStep, ...]
    seconds: float
    peak_memory_bytes: Count
    available_memory_bytes: Count
    disk_bytes: Count | None
    free_disk_bytes: Count
    notes: tuple[str, ...]


def outlook(request: DeployRequest, *, artefacts_only: bool = False) -> Outlook:
    """Of a request, without loading or changing anything."""
    parameters = _parameters(request)
    artefacts = tuple(_artefacts(request, parameters))
    exports = [_export(fmt) for fmt in request.formats]
    steps = [PlannedStep(step="quantize", memory_bytes=prepare.MEMORY, seconds=None)]
    if "int8-qat" in request.builds:
        steps.append(PlannedStep(step="train", memory_bytes=train.MEMORY, seconds=None))
    steps += exports
    if not artefacts_only:
        steps += _after(request, artefacts)
    at_once = min(2, cores())
    slowest = max((one.seconds or 0.0 for one in exports), default=0.0)
    exporting = max(slowest, sum(one.seconds or 0.0 for one in exports) / at_once)
    rest = sum(one.seconds or 0.0 for one in steps if one not in exports)
    together = sorted((one.memory_bytes for one in exports), reverse=True)[:at_once]
    disk = None
    if parameters is not None:
        disk = artefact_bytes(request, parameters) + program_bytes(request, parameters)
    return Outlook(
        output=str(request.output),
        network=request.network,
        parameters=parameters,
        artefacts=artefacts,
        steps=tuple(steps),
        seconds=exporting + rest,
        peak_memory_bytes=max(
            *(one.memory_bytes for one in steps), min(MEMORY_LIMIT, sum(together))
        ),
        available_memory_bytes=available_memory(),
        disk_bytes=disk,
        free_disk_bytes=shutil.disk_usage(_existing(request.output)).free,
        notes=tuple(_notes(request, steps, parameters)),
    )


def _artefacts(request: DeployRequest, parameters: int | None) -> list[PlannedArtefact]:
    found = []
    for fmt in request.formats:
        info = FORMAT_INFO[fmt]
        for build in request.builds:
            if not can_hold(fmt, build):
                continue
            each = BYTES_EACH.get(build, 1)
            variants = info.files(precision_of(build), pixels=request.input_type == PIXELS)
            forms: tuple[OutputForm, ...] = ("raw", *request.output_forms)
            for variant, form in itertools.product(variants, forms):
                name = variant_in_form(variant, form)
                found.append(
                    PlannedArtefact(
                        format=fmt,
                        build=build,
                        variant=name,
                        path=f"{build}/{info.file_name(name)}",
                        bytes=None if parameters is None else parameters * each,
                    )
                )
    return found


def _export(fmt: Format) -> PlannedStep:
    info = FORMAT_INFO[fmt]
    return PlannedStep(
        step=f"export {fmt}", memory_bytes=info.export_memory, seconds=info.export_seconds
    )


def _after(request: DeployRequest, artefacts: tuple[PlannedArtefact, ...]) -> list[PlannedStep]:
    """What comes when the artefacts are made."""
    steps = []
    if request.data is not None:
        memory = max(reference.MEMORY, evaluate.MEMORY)
        steps.append(PlannedStep(step="evaluate", memory_bytes=memory, seconds=None))
    steps.append(PlannedStep(step="bundle", memory_bytes=bundle.MEMORY, seconds=None))
    timed = [one for one in artefacts if FORMAT_INFO[one.format].timed]
    if timed:
        mode = MODES[request.mode]
        seconds = len(timed) * (mode.maximum_seconds + mode.warmup_seconds)
        steps.append(PlannedStep(step="time", memory_bytes=bench.MEMORY, seconds=seconds))
    return steps


def _notes(request: DeployRequest, steps: list[PlannedStep], parameters: int | None) -> list[str]:
    untold = [one.step for one in steps if one.seconds is None]
    notes = [f"Exports take so long for {LIKE} on two cores; a smaller network takes less"]
    if untold:
        notes.append(f"How long it takes to {', '.join(untold)} depends on network and images")
    if parameters is None:
        notes.append("How large the files are is not known before the network is loaded")
    if exists(request.output / "manifest.json"):
        notes.append(
            f"{request.output} has a deployment: what was made of the same inputs stays as it is"
        )
    return notes


def _parameters(request: DeployRequest) -> int | None:
    """How many the network has, as its weights' file or the list of networks says."""
    path = Path(request.weights) if request.weights else None
    if request.network == DEFAULT_NETWORK and path is None:
        path = embedded_file(WEIGHTS_FILE)
    if path is not None and path.suffix == ".safetensors" and exists(path):
        return _in_safetensors(path)
    for entry in catalogue():
        if request.network in (entry.name, *entry.aliases) and entry.published_params_m:
            return round(1e6 * entry.published_params_m)
    return None


def _in_safetensors(path: Path) -> int | None:
    """Elements of all tensors: a header of JSON behind its length as eight bytes."""
    with path.open("rb") as stream:
        head = stream.read(8)
        length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
        try:
            tensors: dict[str, object] = json.loads(stream.read(min(length, 1 << 24)))
        except ValueError:  # whoever loads it says what is wrong with it
            return None
    total = 0
    for name, tensor in tensors.items():
        if name != "__metadata__" and isinstance(tensor, dict):
            total += math.prod(tensor.get("shape", ()))
    return total


def _existing(folder: Path) -> Path:
    """The nearest folder that is there already."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if exists(one))
