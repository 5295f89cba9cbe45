"""A folder in which deployments of made-up stages run, with a plan of what goes wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.pipeline.deploy import Deployed, deploy
from fbdeploy.pipeline.request import DeployRequest
from fbdeploy.pipeline.workers.jobs import Event, Job
from fbdeploy.records.predictions import FOLDER
from tests.fbdeploy.fake_stages import STAGES

EVERYTHING = {
    "manifest.json",
    "results.jsonl",
    "report.html",
    "README.md",
    "fp32/model.executorch",
    "fp32/model.onnx",
    "int8/model.executorch",
    "int8/model.onnx",
    "demo_bundle/model_config.json",
}


TRAINED = ("fp32", "int8", "int8-qat")


class Notes:
    """An observer that keeps what is said."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.peaks: list[int | None] = []

    def started(self, job: Job) -> None:
        pass

    def event(self, job: Job, event: Event) -> None:
        if event.type == "note":
            self.texts.append(event.text)
        if event.type == "ended":
            self.peaks.append(event.peak_bytes)

    def note(self, text: str) -> None:
        self.texts.append(text)


class Bench:
    """A folder in which deployments run, with a plan of what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.weights = folder / "weights"
        self.weights.write_text("first")
        self.plan()

    def plan(self, **steps: Any) -> None:
        named = {name.replace("_", " "): action for name, action in steps.items()}
        (self.folder / "plan.json").write_text(json.dumps(named))

    def calls(self) -> list[str]:
        """What was called since the last look."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(lines)

    def request(self, **changes: Any) -> DeployRequest:
        return DeployRequest(
            **{
                "network": "net",
                "weights": str(self.weights),
                "data": "d",
                "calibration": "c",
                "formats": ("executorch", "onnx"),
                "builds": ("fp32", "int8"),
                "recipe": "ptq",
                "output": self.out,
                **changes,
            }
        )

    def run(self, notes: Notes | None = None, **changes: Any) -> Deployed:
        return deploy(self.request(**changes), notes or Notes(), STAGES)

    def files(self) -> set[str]:
        """What a user sees in the output folder; ``predictions`` tells of that folder's."""
        found = (p.relative_to(self.out) for p in self.out.rglob("*") if p.is_file())
        shown = (p for p in found if not p.parts[0].startswith(".") and p.parts[0] != FOLDER)
        return {p.as_posix() for p in shown}

    def predictions(self) -> set[str]:
        """The files in the folder of predictions."""
        return {path.relative_to(self.out).as_posix() for path in (self.out / FOLDER).iterdir()}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("FAKE_PLAN", str(tmp_path / "plan.json"))
    root = Path(__file__).parents[3]
    monkeypatch.setenv("PYTHONPATH", str(root))
    yield Bench(tmp_path)


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
