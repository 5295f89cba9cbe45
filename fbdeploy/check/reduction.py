"""Reduces an output folder to a baseline."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from fbdeploy.check.baseline import Baseline, Latency, Parts, Record, ScoredImages
from fbdeploy.check.packing import pack, pack_floats
from fbdeploy.check.timing import reduce_samples
from fbdeploy.records.manifest import Artefact, Manifest, now, read_manifest
from fbdeploy.records.predictions import Predictions, read_predictions
from fbdeploy.records.results import EvaluationLine, Line, read_lines
from runtime_bench.measurement import Measurement
from zoo.errors import InputError
from zoo.files import exists, inside


def baseline_of(output: str | os.PathLike[str]) -> Baseline:
    """Reduce an output folder.

    Raises:
        InputError: it is none, has no artefacts, or was scored by an fbdeploy that kept no
            predictions.
    """
    folder = Path(output)
    return reduced(folder, read_manifest(folder), read_lines(folder))


def reduced(folder: Path, manifest: Manifest, lines: list[Line]) -> Baseline:
    """:func:`baseline_of` a folder whose documents were read; raises as there."""
    if not manifest.artefacts:
        raise InputError(f"{folder}: holds no artefacts; run fbdeploy deploy into it first")
    scored = _scores(folder, manifest, lines)
    first = next(iter(scored.values()), None)
    for path, predictions in scored.items():
        if first is not None and not _same_images(first, predictions):
            raise InputError(
                f"{folder}: {path} was scored on other images than the rest; deploy again into "
                "another folder"
            )
    data = None
    if first is not None and manifest.evaluation_data is not None:
        data = ScoredImages(
            name=manifest.evaluation_data.name,
            images=len(first.names),
            sha256=first.images_sha256,
            task=first.task,
            labels=pack(first.labels) if first.labels.size else "",
        )
    return Baseline(
        fbdeploy_version=manifest.fbdeploy_version,
        created=now(),
        network=manifest.network.name,
        weights_sha256=manifest.weights.sha256,
        input_spec=manifest.input_spec,
        data=data,
        artefacts=tuple(
            _record(entry, scored.get(entry.path), lines) for entry in manifest.artefacts
        ),
    )


def _scores(folder: Path, manifest: Manifest, lines: list[Line]) -> dict[str, Predictions]:
    """The answers of every scored artefact by its path."""
    newest = {
        line.sha256: line
        for line in lines
        if isinstance(line, EvaluationLine) and line.dataset == manifest.evaluation_data
    }
    found = {}
    for entry in manifest.artefacts:
        line = newest.get(entry.sha256)
        if line is None:
            continue
        if line.predictions is None or not exists(inside(folder, line.predictions)):
            raise InputError(
                f"{folder}: keeps no predictions of {entry.name}; give the same deploy command "
                "again, which only scores it"
            )
        found[entry.path] = read_predictions(folder / line.predictions)
    return found


def _same_images(first: Predictions, other: Predictions) -> bool:
    return (
        first.images_sha256 == other.images_sha256
        and first.task == other.task
        and np.array_equal(first.labels, other.labels)
    )


def _record(entry: Artefact, scored: Predictions | None, lines: list[Line]) -> Record:
    coverage = entry.coverage
    return Record(
        format=entry.format,
        precision=entry.precision,
        program=entry.program,
        variant=entry.variant,
        sha256=entry.sha256,
        bytes=entry.bytes,
        runtime=entry.runtime,
        runtime_version=entry.runtime_version,
        int8_share=coverage.int8_share if coverage else None,
        delegated_share=coverage.delegated_share if coverage else None,
        partitions=coverage.partitions if coverage else None,
        parts=_parts(scored) if scored else None,
        latencies=_latencies(entry, lines),
    )


def _parts(scored: Predictions) -> dict[str, Parts]:
    return {
        name: Parts(columns=parts.shape[1], data=pack_floats(parts))
        for name, parts in scored.parts.items()
    }


def _latencies(entry: Artefact, lines: list[Line]) -> tuple[Latency, ...]:
    """The newest a target, thread count and kind."""
    newest = {
        (line.target, line.threads, line.kind): line
        for line in lines
        if isinstance(line, Measurement)
        and line.sha256 == entry.sha256
        and (line.samples_ns or line.counts)
    }
    return tuple(_latency(line) for line in newest.values())


def _latency(line: Measurement) -> Latency:
    return Latency(
        kind=line.kind,
        created=line.created,
        target=line.target,
        device=line.device,
        threads=line.threads,
        cpu_mask=line.cpu_mask,
        runtime=line.runtime,
        runtime_version=line.runtime_version,
        rounds_ns=reduce_samples(line.samples_ns, line.block_runs) if line.samples_ns else (),
        noise=line.noise.reasons if line.noise else (),
        instructions=line.counts.instructions if line.counts else None,
    )
