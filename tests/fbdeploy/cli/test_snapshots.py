"""What commands say in a terminal of 80 columns, kept in ``snapshots/``.

``FBDEPLOY_WRITE_SNAPSHOTS=1`` writes them again, for a person to look at in the change. Figures and
what depends on the machine are masked.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from fbdeploy.cli.app import COMMANDS
from fbdeploy.cli.latency_table import summary as latency_summary
from fbdeploy.cli.sensitivity import _table as sensitivity_table
from fbdeploy.cli.sweep import _summary as sweep_summary
from fbdeploy.cluster import status
from fbdeploy.cluster.identity import HostFacts, Identity
from fbdeploy.cluster.plan import ClusterPlan
from fbdeploy.cluster.status import ClusterStatus, HostStatus
from fbdeploy.pipeline import outlook
from fbdeploy.report.lines import Width, wrapped
from fbdeploy.report.summary import summary
from fbdeploy.sweep.run import Swept
from runtime_bench.measurement import Measurement
from runtime_bench.runners import build as building
from runtime_bench.runners.kit import KitManifest, RunnerKit
from tests.docs import small_files
from tests.fbdeploy.cli.in_process import command
from tests.fbdeploy.samples import digest, sample, sample_sensitivity
from tests.fbdeploy.sweep_sample import sample_sweep

KEPT = Path(__file__).parent / "snapshots"
VERSION_1 = Path(__file__).parents[2] / "version1"
COLUMNS = 80
UNBREAKABLE = re.compile(r"\S{70,}")

COMMAND_LINES = {
    **{f"help-{name}": (name, "--help") for name in COMMANDS},
    "help-cluster": ("cluster", "--help"),
    **{
        f"help-cluster-{name}": ("cluster", name, "--help")
        for name in ("keys", "scheduler", "host", "status")
    },
    "help": ("--help",),
    "deploy-dry-run": ("deploy", "--dry-run", "--output", "new"),
    "report": ("report", "out"),
    "compare": ("compare", "out", "out"),
    "check": ("check", "out", "--baseline", "baseline.json"),
    "inspect": ("inspect", "out/int8/model.onnx"),
    "evaluate": ("evaluate", "out/fp32/model.onnx", "--data", "fashion-mnist", "--images", "20"),
    "zoo": ("zoo",),
    "zoo-one": ("zoo", "FBNetV3_A"),
    "bundle": ("bundle", "whole", "--app", "android_demo"),
    "fit-latency": ("fit-latency", "phone.jsonl", "a76.jsonl", "--output", "phone.json"),
    "import-results": ("import-results", "run1.json", "--output", "whole"),
    "runner": ("runner", "build", "--output", "runners"),
    "cluster-keys": ("cluster", "keys", "keys"),
    "cluster-status": ("cluster", "status", "cluster.toml"),
}


def _masked(text: str) -> str:
    """Without figures, which measurements and versions change; the layout is kept, since each digit
    has its own place."""
    text = re.sub(r"(cached|to download)", "to download", text)
    return re.sub(r"(?<![\w.])\d[\d.,]*", lambda found: re.sub(r"\d", "0", found.group()), text)


def _hold(name: str, text: str) -> None:
    for line in text.splitlines():
        assert len(line) <= COLUMNS or UNBREAKABLE.search(line), f"{name}: {line}"
    path = KEPT / f"{name}.txt"
    shown = _masked(text).rstrip() + "\n"
    if os.environ.get("FBDEPLOY_WRITE_SNAPSHOTS"):
        KEPT.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands read."""
    folder = tmp_path_factory.mktemp("files")
    small_files.deployments(folder)
    (folder / "out").rename(folder / "whole")
    shutil.copytree(VERSION_1 / "out", folder / "out")
    shutil.copy(VERSION_1 / "baseline.json", folder)
    small_files.apps(folder, folder / "whole")
    small_files.latencies(folder)
    (folder / "cluster.toml").write_text(
        'scheduler = "tcp://127.0.0.1:8786"\n[[hosts]]\nname = "lab1"\n'
    )
    return folder


def _kit(folder: Path) -> RunnerKit:
    """In the place of one that is compiled for minutes."""
    folder.mkdir()
    (folder / "executorch_runner").write_bytes(bytes(12_000_000))
    runtimes = {"executorch": "1.5.1", "litert": "2.3.0", "onnxruntime": "1.31.1"}
    files = {"executorch_runner": digest("runner")}
    return RunnerKit(folder, KitManifest(architecture="aarch64", runtimes=runtimes, files=files))


def _status(plan: ClusterPlan) -> ClusterStatus:
    """Of three hosts: one that works, one with other code, one that is not there."""
    own = Identity(code=digest("code"), python="3.11.9", machine="x86_64", versions={})
    facts = HostFacts(
        name="lab1",
        hostname="lab1",
        cpu="a made-up processor",
        cores=8,
        memory=24_000_000_000,
        devices=("adb://R58M12ABCDE", "adb://R58M12ABCDF"),
        identity=own,
    )
    return ClusterStatus(
        scheduler=plan.address,
        hosts=(
            HostStatus(name="lab1", facts=facts, running=2, devices=facts.devices[:1]),
            HostStatus(name="lab2", facts=facts, differences=("python 3.12.1 there",)),
            HostStatus(name="lab3"),
        ),
    )


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_what_a_command_says(
    name: str,
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    usage = SimpleNamespace(free=50_000_000_000)
    monkeypatch.setattr(outlook, "available_memory", lambda: 8_000_000_000)
    monkeypatch.setattr(outlook.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(outlook, "cores", lambda: 2)
    monkeypatch.setattr(building, "build_kit", _kit)
    monkeypatch.setattr(status, "cluster_status", _status)
    ran = command(capfd, *COMMAND_LINES[name])
    # Of a library's stray lines there are none.
    assert (ran.code, ran.err) == (name == "cluster-status", "")
    _hold(name, ran.out)


def _deploy() -> str:
    return summary(*sample(), Path("out/report.html"))


def _bench() -> str:
    lines = [line for line in sample()[1] if isinstance(line, Measurement)]
    return latency_summary(lines)


def _sensitivity() -> str:
    return sensitivity_table(sample_sensitivity(), Path("out/sensitivity.json"))


def _sweep() -> str:
    _, rows = sample_sweep()
    return sweep_summary(Swept(rows, [], Path("out/report.html")))


@pytest.mark.parametrize(
    "said", [_deploy, _bench, _sensitivity, _sweep], ids=lambda one: one.__name__
)
def test_what_a_long_command_ends_with(
    said: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of results that take minutes to make, made up."""
    monkeypatch.setattr(Width, "columns", COLUMNS)
    _hold(said.__name__.strip("_"), wrapped(said(), COLUMNS))
