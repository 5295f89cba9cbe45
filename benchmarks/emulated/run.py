"""Counts of default exports on emulated cores, and estimated cycles against published latencies.

    python -m benchmarks.emulated.run --output benchmarks/emulated

writes ``counts.json`` (every network, runtime, precision and core) and ``latency_errors.json``
(``published.py``), and prints the errors as a table. Exports are kept in ``--work``; results are
written after each line, and lines that are already there are not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.emulated.artefacts import artefact, timm_network
from benchmarks.emulated.default_exports import EXPORTERS
from benchmarks.emulated.files import read_results, versions, write
from benchmarks.emulated.published import compare_published, table
from runtime_bench.emulation.cores import find_core
from runtime_bench.machine.cache import cache_folder
from runtime_bench.runners.build import cached_kit
from runtime_bench.runners.emulated import count_artefact
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runtimes.outputs import OutputDifference, host_outputs
from runtime_bench.targets.emulated import EmulatedTarget
from zoo.architecture import architectures
from zoo.fbnet import FBNet
from zoo.files import sha256_of

CORES = ("cortex-a53", "cortex-a76", "cortex-a710")
PROCESSES = 3
NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "fbnetv3_b": (lambda: timm_network("fbnetv3_b"), 224),
    "FBNetV2_F1": (lambda: FBNet(architectures()["FBNetV2_F1"], num_classes=10), 128),
}


def count_networks(output: Path, work: Path, command: str) -> None:
    """Fill ``counts.json``."""
    kit = cached_kit()
    results = read_results(output)
    done = {(r["network"], r["runtime"], r["precision"], r["core"]) for r in results}
    for network, (make, size) in NETWORKS.items():
        for runtime, precision in EXPORTERS:
            for core in CORES:
                if (network, runtime, precision, core) in done:
                    continue
                path = artefact(network, make, size, runtime, precision, work)
                line = count_one(core, path, size, kit)
                results.append({"network": network, "precision": precision, **line})
                document = {"command": command, "versions": versions(), "results": results}
                write(output, document)
                print(network, precision, line["runtime"], core, line["instructions"], flush=True)


def count_one(core: str, path: Path, size: int, kit: RunnerKit) -> dict[str, Any]:
    """One line of ``counts.json``."""
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1)).numpy()
    target = EmulatedTarget(f"arm://{core}", find_core(core))
    try:
        emulation = count_artefact(target, kit, path, images, processes=PROCESSES)
    finally:
        target.cleanup()
    difference = OutputDifference.between(emulation.outputs, host_outputs(path, images))
    kernels = emulation.kernels
    return {
        "runtime": emulation.served.runtime,
        "runtime_version": emulation.served.version,
        "core": core,
        "sha256": sha256_of(path),
        "instructions": emulation.instructions,
        "process_instructions": emulation.process_instructions,
        "repeats": emulation.repeats,
        "classes": emulation.classes,
        "kernel_family": None if kernels is None else kernels.name,
        "kernel_shares": None if kernels is None else kernels.shares,
        "cycles": None if emulation.cycles is None else asdict(emulation.cycles),
        "outputs_equal_host": difference.equal,
        "outputs_largest_difference": difference.largest,
        "hottest": [
            {
                "instructions": block.instructions,
                "executions": block.executions,
                "words": [f"{word:08x}" for word in block.words],
            }
            for block in emulation.hottest[:3]
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=None, help="where exports are kept")
    parser.add_argument("--only", choices=("counts", "published"))
    options = parser.parse_args(arguments)
    work = options.work or cache_folder() / "default_exports"
    command = "python -m benchmarks.emulated.run " + " ".join(arguments or sys.argv[1:])
    if options.only != "published":
        count_networks(options.output / "counts.json", work, command)
    if options.only != "counts":
        output = options.output / "latency_errors.json"
        compare_published(output, work, command)
        print(table(json.loads(output.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
