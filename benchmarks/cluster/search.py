"""Seconds of a search for operators to leave in float: by one host, and shared by two.

    python -m benchmarks.cluster.search --output benchmarks/cluster/search.json
    python -m benchmarks.cluster.search --table benchmarks/cluster/search.json

Each host has a core of its own. Quantization is halted at every question, however small, and what
the two ways make is compared byte for byte. A network of three layers shows what a question costs
(``quantize.analysis.findings.OVERHEAD_SECONDS``), since finding out takes it no time; the default
network, with no corrections but that of biases, what sharing saves. The ways take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.cluster.command import Document, main_of
from benchmarks.cluster.pinned import pinned_hosts
from fbdeploy.cluster.connection import Cluster, joined
from fbdeploy.cluster.plan import read_plan
from fbdeploy.cluster.runner import ClusterRunner
from fbdeploy.pipeline.deploy import deploy
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from fbdeploy.pipeline.stages import Stages
from fbdeploy.pipeline.workers.jobs import Ended, Event, Job
from fbdeploy.pipeline.workers.runner import Place
from tests.fbdeploy.cluster.halting import prepare
from tests.fbdeploy.cluster.test_search import NETWORK
from tests.fbdeploy.cluster.test_search import RECIPE as TINY_RECIPE

ALONE, SHARED = "1 host", "2 hosts"
TINY, DEFAULT = "three layers", "default"
DEFAULT_RECIPE = """
name = "mixed-alone"
method = "ptq"

[calibration]
images = 128
held_out = 32

[corrections]
equalization = false
ranges = false
reconstruction = false

[mixed_precision]
max_operators = 64
max_cost_share = 0.1
min_gain = 0.05
"""


@dataclass
class Quantizing:
    """An observer that takes the time of quantization, and counts how often it was halted."""

    began: float = 0.0
    seconds: float = 0.0
    starts: int = 0

    def note(self, text: str) -> None:
        """One line for the user."""

    def started(self, job: Job) -> None:
        """A worker begins."""
        if job.name == "prepare":
            self.starts += 1
            self.began = self.began or time.monotonic()

    def event(self, job: Job, event: Event) -> None:
        """A worker says something."""
        if job.name == "prepare" and isinstance(event, Ended):
            self.seconds = time.monotonic() - self.began


@dataclass(frozen=True)
class Subjects:
    """Requests by the name of what is quantized."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**6)))

    def request(self, name: str) -> DeployRequest:
        """Quantize it into a new folder."""
        own, tiny = self.folder / "wide.py", name == TINY
        own.write_text(NETWORK)
        recipe = self.folder / f"{'tiny' if tiny else 'default'}.toml"
        recipe.write_text(TINY_RECIPE if tiny else DEFAULT_RECIPE)
        return DeployRequest(
            network=f"{own}:Wide" if tiny else "default",
            num_classes=10 if tiny else None,
            input=InputOptions(size=(32, 32)) if tiny else InputOptions(),
            data="fashion-mnist",
            calibration="fashion-mnist-calibration",
            formats=("torchscript",),
            builds=("int8",),
            recipe=str(recipe),
            output=self.folder / f"out-{next(self.numbers)}",
            images=16,
        )


@contextmanager
def lab(folder: Path) -> Iterator[Cluster]:
    """Two hosts of a core each."""
    with pinned_hosts(folder, 2) as processes, joined(read_plan(processes.plan)) as cluster:
        yield cluster


def quantized(asked: DeployRequest, cluster: Cluster, way: str) -> tuple[float, int, bytes]:
    """Seconds, how often it was halted, and the program."""
    place = Place(partial(ClusterRunner, cluster))
    if way == SHARED:
        place = Place(place.make_runner, slots=cluster.slots)
    watching = Quantizing()
    deploy(asked, watching, Stages(prepare=prepare), artefacts_only=True, place=place)
    program = asked.output / ".fbdeploy" / "program-ptq"
    content = b"".join(path.read_bytes() for path in sorted(program.glob("program.*")))
    return watching.seconds, watching.starts - 1, content


def table(document: Document) -> str:
    """Markdown: a network a line."""
    lines = [
        "| network | halted | 1 host, s | 2 hosts, s | ratio | a question costs, s |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in document["seconds"].items():
        alone, shared = (statistics.median(found[way]) for way in (ALONE, SHARED))
        halted = document["halted"][name]
        cost = f"{(shared - alone) / halted:.1f}" if name == TINY else ""
        lines.append(
            f"| {name} | {halted} | {alone:.0f} | {shared:.0f} | {alone / shared:.2f} | {cost} |"
        )
    return "\n".join(lines)


def measured(given: argparse.Namespace) -> Document:
    """Seconds by network and way, one a round; ends where the ways differ."""
    seconds: dict[str, dict[str, list[float]]] = {}
    halted: dict[str, int] = {}
    loads = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as folder, lab(Path(folder) / "lab") as cluster:
        subjects = Subjects(Path(folder))
        for name in (TINY, DEFAULT)[: given.networks]:
            found: dict[str, list[float]] = {ALONE: [], SHARED: []}
            programs = set()
            for number in range(given.rounds):
                for way in (ALONE, SHARED) if number % 2 else (SHARED, ALONE):
                    took, times, program = quantized(subjects.request(name), cluster, way)
                    found[way].append(took)
                    programs.add(program)
                    halted[name] = max(times, halted.get(name, 0))
                    loads.append(os.getloadavg()[0])
            if len(programs) != 1:
                raise SystemExit(f"{name}: the programs differ")
            seconds[name] = found
    return {"seconds": seconds, "halted": halted, "load": [round(load, 1) for load in loads]}


def main() -> None:
    """Command line: see the module's docstring."""
    main_of(__doc__, table, measured, rounds=1, networks=2)


if __name__ == "__main__":
    main()
