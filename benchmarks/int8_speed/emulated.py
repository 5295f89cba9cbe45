"""Instructions and cycles of int8 on emulated ARM cores: default, ours, and our ReLU twin.

    FBDEPLOY_CACHE=build/runners python -m benchmarks.int8_speed.emulated \
        --output benchmarks/int8_speed

writes ``emulated.json`` and ``emulated.md``; lines that are already there are not made again, and
exports are kept in ``--work``. Counts do not depend on this machine or its load.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.emulated.files import read_results, versions, write
from benchmarks.int8_speed.artefacts import SIZE, command_line, make, phone_exports
from runtime_bench.emulation.cores import find_core
from runtime_bench.machine.cache import cache_folder
from runtime_bench.runners.build import cached_kit
from runtime_bench.runners.emulated import count_artefact
from runtime_bench.targets.emulated import EmulatedTarget
from zoo.files import atomic_file, sha256_of

CORES = ("cortex-a76", "cortex-a53")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=None, help="where exports are kept")
    parser.add_argument("--network", default="fbnetv3_b")
    options = parser.parse_args(arguments)
    work = options.work or cache_folder() / "int8_speed"
    command = command_line("emulated", arguments or sys.argv[1:])
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        paths = pool.apply(make, (options.network, work, phone_exports()))
    target_file = options.output / "emulated.json"
    results = read_results(target_file)
    done = {(one["network"], one["core"], one["sha256"]) for one in results}
    bundle = cached_kit()
    image = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)).numpy()
    for core in CORES:
        for entry, path in paths.items():
            digest = sha256_of(path)
            if (options.network, core, digest) in done:
                continue
            target = EmulatedTarget(f"arm://{core}", find_core(core))
            try:
                counted = count_artefact(target, bundle, path, image)
            finally:
                target.cleanup()
            line = {
                "network": options.network,
                **asdict(entry),
                "core": core,
                "sha256": digest,
                "instructions": counted.instructions,
                "classes": counted.classes,
                "cycles": None if counted.cycles is None else asdict(counted.cycles),
            }
            same = {k: line[k] for k in ("network", "runtime", "way", "precision", "core")}
            results = [one for one in results if {k: one[k] for k in same} != same] + [line]
            write(target_file, {"command": command, "versions": versions(), "results": results})
            print(core, entry.name, counted.instructions, file=sys.stderr, flush=True)
    with atomic_file(options.output / "emulated.md") as temporary:
        temporary.write_text(table(json.loads(target_file.read_text())["results"]))


def table(results: Sequence[dict[str, Any]]) -> str:
    """Millions, and the ratio to the twin of the same runtime on the same core."""
    twins = {(r["core"], r["runtime"]): r for r in results if r["way"] == "twin"}
    lines = ["| core | runtime | export | M instructions | M cycles | of the twin |"]
    lines.append("|---|---|---|---|---|---|")
    for one in results:
        key = "instructions" if one["cycles"] is None else "cycles"
        twin = twins.get((one["core"], one["runtime"]))
        ratio = "–" if twin is None else f"{_figure(one, key) / _figure(twin, key):.3f} ({key})"
        cycles = "–" if one["cycles"] is None else f"{_figure(one, 'cycles') / 1e6:.1f}"
        name = " ".join(part for part in (one["way"], one["precision"], one["variant"]) if part)
        lines.append(
            f"| {one['core']} | {one['runtime']} | {name} | {one['instructions'] / 1e6:.1f} "
            f"| {cycles} | {ratio} |"
        )
    return "\n".join([*lines, ""])


def _figure(one: dict[str, Any], key: str) -> float:
    return float(one["cycles"]["cycles"] if key == "cycles" else one[key])


if __name__ == "__main__":
    main()
