"""A deployment's accuracy on 50,000 photos: here, and in parts on two hosts of a core each.

    python -m benchmarks.cluster.sharded --output benchmarks/cluster/sharded.json
    python -m benchmarks.cluster.sharded --table benchmarks/cluster/sharded.json

The embedded default network in twelve artefacts, made before any clock runs, on Fashion-MNIST's
training images (Debian's ``dataset-fashion-mnist``, MIT) as PNG files: not to judge the network,
which has learned from most of them, but for their number. Hosts have the photos already. What both
ways leave is compared byte for byte: the float network's logits, every artefact's predictions, and
every statistic, of which the divergence is made of all logits. ``--photos`` and ``--formats`` take
fewer.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.cluster.command import Document, main_of
from benchmarks.cluster.pinned import pinned_hosts
from fbdeploy.cluster.connection import joined
from fbdeploy.cluster.plan import read_plan
from fbdeploy.cluster.runner import ClusterRunner
from fbdeploy.pipeline.deploy import THIS_MACHINE, deploy
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.workers.jobs import Ended, Event, Job
from fbdeploy.pipeline.workers.runner import Place
from fbdeploy.records.builds import Build
from fbdeploy.records.manifest import Format
from tests.fbdeploy.cluster.same import evaluations, outputs
from zoo.idx import read_idx

SOURCE = Path("/usr/share/datasets/fashion-mnist")
IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
HERE, THERE = "this machine, two cores", "2 hosts, a core each"
FORMATS: tuple[Format, ...] = ("litert", "onnx", "torchscript", "executorch")
"""Those that can be scored here, of three number types where they have them."""
BUILDS: tuple[Build, ...] = ("fp32", "fp16", "int8")


@dataclass
class Peaks:
    """An observer of nothing but the memory that jobs took, by job."""

    bytes_of: dict[str, int] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """One line for the user."""

    def started(self, job: Job) -> None:
        """A worker begins."""

    def event(self, job: Job, event: Event) -> None:
        """A worker says something."""
        if isinstance(event, Ended) and event.peak_bytes is not None:
            self.bytes_of[job.name] = max(event.peak_bytes, self.bytes_of.get(job.name, 0))


def photos(folder: Path, count: int) -> Path:
    """A folder of so many labelled PNG files."""
    if not (SOURCE / IMAGES).exists():
        raise SystemExit(f"{SOURCE / IMAGES} is missing: install Debian's dataset-fashion-mnist")
    pixels, labels = read_idx(SOURCE / IMAGES).numpy(), read_idx(SOURCE / LABELS).numpy()
    if count > len(pixels):
        raise SystemExit(f"--photos {count}: there are {len(pixels)}")
    folder.mkdir()
    lines = ["image,label"]
    for number in range(count):
        name = f"{number:05}.png"
        Image.fromarray(pixels[number]).save(folder / name)
        lines.append(f"{name},{labels[number]}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def request(output: Path, data: Path, count: int, formats: int) -> DeployRequest:
    """All that the default network is made into here."""
    return DeployRequest(
        network="default",
        data=str(data),
        calibration="fashion-mnist-calibration",
        formats=FORMATS[:formats],
        builds=BUILDS,
        recipe="ptq-fast",
        output=output,
        images=count,
    )


def scored(asked: DeployRequest, place: Place) -> dict[str, float | int]:
    """Score what is in the folder; seconds, and the largest peak of a job in bytes."""
    peaks, began, load = Peaks(), time.monotonic(), os.getloadavg()[0]
    deploy(asked, peaks, accuracy_only=True, place=place)
    return {
        "seconds": time.monotonic() - began,
        "job_peak_bytes": max(peaks.bytes_of.values()),
        "load_before": load,
        "load_after": os.getloadavg()[0],
    }


def peak_of(pid: int) -> int:
    """The peak of a running process's resident bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def differences(here: Path, there: Path) -> list[str]:
    """What differs between two output folders."""
    if outputs(here) != outputs(there):
        return ["the files that are there"]
    found = [name for name in outputs(here) if not same_bytes(here / name, there / name)]
    return found if evaluations(here) == evaluations(there) else [*found, "results.jsonl"]


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files have the same content."""
    return one.read_bytes() == other.read_bytes()


def table(document: Document) -> str:
    """Markdown: a way a line."""
    ways, megabyte = document["ways"], 1e6
    lines = [
        f"| {document['photos']:,} photos, {document['artefacts']} artefacts | seconds | ratio | "
        "peak of a job, MB | of a host, MB | of the client, MB | load |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in ways.items():
        ratio = ways[HERE]["seconds"] / found["seconds"]
        host = f"{found['host_peak_bytes'] / megabyte:.0f}" if "host_peak_bytes" in found else ""
        lines.append(
            f"| {name} | {found['seconds']:.0f} | {ratio:.2f} | "
            f"{found['job_peak_bytes'] / megabyte:.0f} | {host} | "
            f"{found['client_peak_bytes'] / megabyte:.0f} | "
            f"{found['load_before']:.1f} to {found['load_after']:.1f} |"
        )
    return "\n".join(lines)


def client_peak() -> int:
    """That of this process so far, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measured(given: argparse.Namespace) -> Document:
    """Seconds and memory by way; ends where the ways differ."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        data = photos(root / "photos", given.photos)
        made, here, there = root / "made", root / "here", root / "there"
        asked = partial(request, data=data, count=given.photos, formats=given.formats)
        deployed = deploy(asked(made), Peaks(), artefacts_only=True)
        for folder in (here, there):
            shutil.copytree(made, folder)
        ways: dict[str, dict[str, float | int]] = {}
        own = f'data = ["{data}"]'
        with (
            pinned_hosts(root / "lab", 2, own) as processes,
            joined(read_plan(processes.plan)) as cluster,
        ):
            place = Place(partial(ClusterRunner, cluster), slots=cluster.slots)
            ways[THERE] = scored(asked(there), place) | {"client_peak_bytes": client_peak()}
            pids = [processes.members[name].process.pid for name in cluster.usable]
            ways[THERE]["host_peak_bytes"] = max(map(peak_of, pids))
        ways[HERE] = scored(asked(here), THIS_MACHINE) | {"client_peak_bytes": client_peak()}
        if found := differences(here, there):
            raise SystemExit(f"these differ: {', '.join(found)}")
        artefacts = len(deployed.manifest.artefacts)
        return {
            "photos": given.photos,
            "artefacts": artefacts,
            "ways": {way: ways[way] for way in (HERE, THERE)},
        }


def main() -> None:
    """Command line: see the module's docstring."""
    main_of(__doc__, table, measured, photos=50_000, formats=len(FORMATS))


if __name__ == "__main__":
    main()
