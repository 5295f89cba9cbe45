"""Seconds of ``fbdeploy evaluate`` on this machine, and over one and two hosts of one thread each.

    python -m benchmarks.cluster.scaling --output benchmarks/cluster/scaling.json
    python -m benchmarks.cluster.scaling --table benchmarks/cluster/scaling.json

A network of photos' size with random weights, ONNX fp32, on the embedded images, with one thread of
the runtime: how long an image takes does not depend on what it shows. Each host has a core of its
own (taskset), and so has the command on one machine. The ways take turns; every answer is compared
with that of one machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.cluster.command import Document, main_of
from benchmarks.cluster.pinned import pinned_hosts
from tests.fbdeploy.cluster.processes import ROOT, fbdeploy

HERE = "this machine, one core"
NETWORK = "tf_mobilenetv3_small_100"


def artefact(folder: Path) -> str:
    """The path of the artefact, which is made first."""
    made = ["--formats", "onnx", "--precisions", "fp32", "--no-data", "--artefacts-only"]
    command = fbdeploy("deploy", NETWORK, *made, "--output", folder)
    subprocess.run(command, check=True, cwd=ROOT)
    return str(folder / "fp32" / "model.onnx")


def evaluated(arguments: list[str], prefix: list[str], more: list[str]) -> tuple[float, str]:
    """Seconds of the command, and what it printed."""
    began = time.monotonic()
    done = subprocess.run(
        [*prefix, *fbdeploy("evaluate", *arguments, "--data", "fashion-mnist", "--json", *more)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return time.monotonic() - began, done.stdout


def measure(arguments: list[str], plans: dict[str, Path], rounds: int) -> dict[str, list[float]]:
    """Seconds by way, one a round."""
    found: dict[str, list[float]] = {}
    answers = set()
    for number in range(rounds):
        ways: list[tuple[str, Path | None]] = [(HERE, None), *plans.items()]
        for name, plan in ways if number % 2 else reversed(ways):
            prefix = ["taskset", "-c", "0"] if plan is None else []
            more = [] if plan is None else ["--cluster", str(plan)]
            seconds, answer = evaluated(arguments, prefix, more)
            found.setdefault(name, []).append(seconds)
            answers.add(answer)
    if len(answers) != 1:
        raise SystemExit("the answers differ")
    return {name: found[name] for name in (HERE, *plans)}


def table(document: Document) -> str:
    """Markdown: a way a line, with how many times as fast as one host."""
    medians = {name: statistics.median(found) for name, found in document["seconds"].items()}
    one = medians["1 host"]
    lines = [
        f"| {document['images']:,} images | seconds, median | all | to 1 host |",
        "|---|---|---|---|",
    ]
    for name, found in document["seconds"].items():
        told = ", ".join(f"{seconds:.1f}" for seconds in found)
        lines.append(f"| {name} | {medians[name]:.1f} | {told} | {one / medians[name]:.2f} |")
    return "\n".join(lines)


def measured(given: argparse.Namespace) -> Document:
    """Seconds by way, on this machine and on clusters of one and two hosts."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        os.environ |= {"OMP_NUM_THREADS": "1", "FBDEPLOY_CACHE": f"{name}/cache"}
        arguments = [artefact(Path(name) / "out"), "--images", str(given.images)]
        plans = {
            title: stack.enter_context(pinned_hosts(Path(name) / str(count), count)).plan
            for title, count in (("1 host", 1), ("2 hosts", 2))
        }
        return {"images": given.images, "seconds": measure(arguments, plans, given.rounds)}


def main() -> None:
    """Command line: see the module's docstring."""
    main_of(__doc__, table, measured, rounds=4, images=6_000)


if __name__ == "__main__":
    main()
