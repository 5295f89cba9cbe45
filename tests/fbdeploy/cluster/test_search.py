"""A deployment whose search for operators in float is shared by two hosts, of which one is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fbdeploy.cluster.connection import joined
from fbdeploy.cluster.plan import read_plan
from fbdeploy.cluster.runner import ClusterRunner
from fbdeploy.pipeline.deploy import deploy
from fbdeploy.pipeline.request import DeployRequest, InputOptions
from fbdeploy.pipeline.workers.jobs import Event, Job, Note
from fbdeploy.pipeline.workers.runner import Place
from tests.fbdeploy.cluster.halting import SEARCHES, STAGES
from tests.fbdeploy.cluster.processes import ClusterProcesses, cluster_processes, host_table
from tests.fbdeploy.cluster.same import manifest, outputs

NETWORK = """
import torch


class Wide(torch.nn.Module):
    \"\"\"One channel of the first result is so wide that the others' steps are too coarse.\"\"\"

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.a, self.b = torch.nn.Conv2d(3, 6, 3, stride=2), torch.nn.Conv2d(6, 6, 1)
        self.head = torch.nn.Linear(12, 10)
        with torch.no_grad():
            self.a.weight[0] *= 64
            for reader in (self.b, self.head):
                reader.weight[:, 0] /= 64

    def forward(self, x):
        first = torch.relu(self.a(x))
        return self.head(torch.cat([first, self.b(first)], 1).mean((2, 3)))
"""
RECIPE = """
name = "mixed"
method = "ptq"

[calibration]
images = 48
held_out = 12

[corrections]
equalization = false

[mixed_precision]
max_operators = 4
max_cost_share = 1.0
min_gain = 0.01
"""


@dataclass
class Watching:
    """An ``Observer`` that kills the host of the first share it hears of, while both work."""

    cluster: ClusterProcesses | None = None
    killed: str = ""
    begun: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.said.append(text)

    def started(self, job: Job) -> None:
        self.begun.append(job.name)

    def event(self, job: Job, event: Event) -> None:
        if not isinstance(event, Note):
            return
        self.said.append(event.text)
        if self.cluster is not None and event.text.startswith(SEARCHES) and not self.killed:
            self.killed = self.cluster.host_of(int(event.text.removeprefix(SEARCHES)))
            self.cluster.members[self.killed].kill()


def _request(folder: Path, output: Path) -> DeployRequest:
    return DeployRequest(
        network=f"{folder / 'wide.py'}:Wide",
        num_classes=10,
        input=InputOptions(size=(32, 32)),
        data="fashion-mnist",
        calibration="fashion-mnist-calibration",
        formats=("torchscript",),
        builds=("int8",),
        recipe=str(folder / "mixed.toml"),
        output=output,
        images=16,
    )


def test_a_shared_search_makes_the_same_bytes_when_a_host_is_lost(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(NETWORK)
    (tmp_path / "mixed.toml").write_text(RECIPE)
    here, there = tmp_path / "here", tmp_path / "there"
    deploy(_request(tmp_path, here), Watching(), artefacts_only=True)
    hosts = host_table(tmp_path, "lab1") + host_table(tmp_path, "lab2")
    with cluster_processes(tmp_path / "lab", hosts, secured=True) as processes:
        for name in ("scheduler", "lab1", "lab2"):
            processes.start(name)
        for name in ("lab1", "lab2"):
            processes.members[name].wait_for("joined")
        watching = Watching(processes)
        with joined(read_plan(processes.plan)) as cluster:
            place = Place(partial(ClusterRunner, cluster), slots=cluster.slots)
            deploy(_request(tmp_path, there), watching, STAGES, artefacts_only=True, place=place)
    assert watching.killed and any(f"{watching.killed} was lost" in one for one in watching.said)
    assert watching.begun.count("prepare") >= 4, "ranking, and at least two rounds of trials"
    assert {"search-1", "search-2"} <= set(watching.begun)
    names = outputs(here)
    assert (
        {".fbdeploy/program-ptq/program.json", "int8/model.pt"} <= set(names) == set(outputs(there))
    )
    for name in names:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
    assert manifest(there) == manifest(here)
