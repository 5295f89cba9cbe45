"""int8 against float and against the ReLU twin, in every runtime: one interleaved run a network.

    python -m benchmarks.int8_speed.run --output benchmarks/int8_speed

writes ``NETWORK.json`` for each network and ``tables.md`` from all of them. A network whose file
is there is not timed again, and exports are kept in ``--work``, so a run that was cut off goes on;
``--again`` times again, ``--export-again`` makes our own exports again, which a change of ours asks
for.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.emulated.files import write
from benchmarks.int8_speed.artefacts import (
    NETWORKS,
    Export,
    Precision,
    Way,
    command_line,
    exports,
    make,
)
from benchmarks.int8_speed.tables import tables
from runtime_bench.machine.cache import cache_folder
from runtime_bench.measurement import LatencySummary, Measurement
from runtime_bench.timing.modes import MODES, mode_of
from runtime_bench.timing.protocol import benchmark
from runtime_bench.timing.ratio import ratio
from runtime_bench.timing.session import Subject
from zoo.files import atomic_file

PACKAGES = ("torch", "torchao", "executorch", "onnxruntime", "ai-edge-litert", "litert-torch")

COMPARED: tuple[tuple[Way, Precision], ...] = (
    ("default", "fp32"),
    ("default", "int8"),
    ("twin", "int8"),
    ("default twin", "int8"),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=None, help="where exports are kept")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--mode", choices=tuple(MODES), default="standard")
    parser.add_argument("--again", action="store_true", help="time what has been timed already")
    parser.add_argument("--export-again", action="store_true", help="make ours again")
    parser.add_argument("--export-only", action="store_true")
    options = parser.parse_args(arguments)
    work = options.work or cache_folder() / "int8_speed"
    command = command_line("run", arguments or sys.argv[1:])
    for network in options.networks.split(","):
        result = options.output / f"{network}.json"
        if result.exists() and not options.again:
            continue
        # Converters leave thread pools and allocations behind, which timings would share.
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            paths = pool.apply(make, (network, work, exports(), options.export_again))
        if not options.export_only:
            document = {"command": command, **time(network, paths, options.mode)}
            write(result, document)
            print(f"{network}: timed", file=sys.stderr, flush=True)
    documents = [
        json.loads(path.read_text())
        for path in (options.output / f"{name}.json" for name in NETWORKS)
        if path.exists()
    ]
    with atomic_file(options.output / "tables.md") as temporary:
        temporary.write_text(tables(documents))


def time(network: str, paths: dict[Export, Path], mode: str) -> dict[str, Any]:
    """One interleaved run, one thread, batch 1; ratios with their 95 % intervals."""
    subjects = [Subject(path, entry.precision, entry.way) for entry, path in paths.items()]
    measured = benchmark(subjects, threads=1, mode=mode_of(mode))
    found = dict(zip(paths, measured, strict=True))
    return {
        "network": network,
        "device": measured[0].device.model_dump(mode="json"),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "created": measured[0].created,
        "mode": mode,
        "rows": [_row(entry, found) for entry in found],
        "fastest": _fastest(found),
    }


def _fastest(found: dict[Export, Measurement]) -> dict[str, Any]:
    """Our fastest int8 of all runtimes against the fastest default int8 and the fastest float."""

    def best(precision: str, *ways: str) -> Export:
        entries = [e for e in found if e.precision == precision and e.way in ways]
        return min(entries, key=lambda entry: _latency(found[entry]).p50)

    ours = best("int8", "ours")
    others = {"default int8": best("int8", "default", "best")}
    others["float"] = best("fp32", "default", "ours")
    compared = {
        name: {"of": other.name, **asdict(ratio(found[ours], found[other]))}
        for name, other in others.items()
    }
    return {"int8": ours.name, **compared}


def _latency(measurement: Measurement) -> LatencySummary:
    assert measurement.latency_ms is not None
    return measurement.latency_ms


def _row(entry: Export, found: dict[Export, Measurement]) -> dict[str, Any]:
    measurement = found[entry]
    comparisons = {}
    for way, precision in COMPARED:
        other = Export(entry.runtime, way, precision)
        if other != entry:
            compared = ratio(measurement, found[other])
            comparisons[f"{way} {precision}"] = asdict(compared)
    return {
        **asdict(entry),
        "bytes": Path(measurement.artefact).stat().st_size,
        "sha256": measurement.sha256,
        "latency_ms": _latency(measurement).model_dump(mode="json"),
        "noise": None if measurement.noise is None else asdict(measurement.noise),
        "ratios": comparisons,
    }


if __name__ == "__main__":
    main()
