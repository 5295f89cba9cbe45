"""Sweeps with stages that need no network: what is made, resumed, shared, lost and kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fbdeploy.pipeline.workers.jobs import Event, Job
from fbdeploy.records.results import EvaluationLine, read_lines
from fbdeploy.sweep.plan import SweepPlan
from fbdeploy.sweep.run import SweepStages, Swept, sweep
from runtime_bench.emulation.latency_model import LatencyPoint, fit_latency
from runtime_bench.measurement import Measurement
from tests.fbdeploy.fake_measurements import measure
from tests.fbdeploy.fake_stages import STAGES
from zoo.errors import InputError

FAKE = SweepStages(deploy=STAGES, measure=measure)
ROOT = Path(__file__).parents[3]


class Silent:
    def started(self, job: Job) -> None:
        pass

    def event(self, job: Job, event: Event) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class Bench:
    """A folder in which sweeps run, with a plan of what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        for name in ("one", "two"):
            (folder / name).write_text(name)
        self.breaks({})

    def breaks(self, steps: dict[str, str]) -> None:
        (self.folder / "plan.json").write_text(json.dumps(steps))

    def calls(self, what: str = "") -> list[str]:
        """What was called since the last look, of one kind."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return sorted(line for line in lines if line.startswith(what))

    def run(self, targets: list[Any], networks: tuple[str, ...] = ("one",), **keys: Any) -> Swept:
        values = {
            "networks": [{"name": n, "weights": str(self.folder / n)} for n in networks],
            "targets": targets,
            "formats": ["executorch", "onnx"],
            "data": "d",
            "calibration": "c",
            **keys,
        }
        return sweep(SweepPlan.model_validate(values), self.out, Silent(), FAKE)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("FAKE_PLAN", str(tmp_path / "plan.json"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield Bench(tmp_path)


def test_every_combination_is_measured_and_exports_are_shared(bench: Bench) -> None:
    done = bench.run(
        ["local", "adb://A", "arm://cortex-a76"], ("one", "two"), recipes=["ptq", "ptq-fast"],
        threads=[1, 2],
    )  # fmt: skip
    assert done.complete
    exports = [call for call in bench.calls("export")]
    # Float once a network; int8 once a recipe.
    assert sorted(exports) == sorted(
        [f"export {form} {precision}" for form in ("executorch", "onnx")
         for precision in ("fp32", "int8", "int8")] * 2
    )  # fmt: skip
    lines = read_lines(bench.out)
    scored = [line.sha256 for line in lines if isinstance(line, EvaluationLine)]
    assert len(scored) == len(set(scored)) == 12
    assert len(done.rows) == 12 * 3 * 2
    assert {row.target for row in done.rows} == {"local", "adb://A", "arm://cortex-a76"}
    for row in done.rows:
        assert (bench.out / row.result.path).is_file()
        assert row.result.top1 == 0.75
        assert row.recipe == ("" if row.result.precision == "fp32" else row.recipe)
        assert row.recipe in ("", "ptq", "ptq-fast")
        if row.target.startswith("arm://"):
            assert row.result.latency_ms is None and row.counts is not None
            assert row.result.latency_kind == "emulated" and row.speedup is None
        else:
            assert row.speedup == row.threads


def test_the_front_is_the_fastest_of_equally_accurate_ones(bench: Bench) -> None:
    done = bench.run(["local"], threads=[1, 2])
    fastest = [row for row in done.rows if row.on_front]
    assert [(row.threads, row.cost) for row in fastest] == [(1, 1.0), (2, 0.5)]


def test_a_second_run_measures_nothing_again(bench: Bench) -> None:
    targets = ["local", {"address": "adb://A", "cores": [4]}, "arm://cortex-a76"]
    first = bench.run([*targets[:1], "adb://A", targets[2]])
    bench.calls()
    assert bench.run(["local", "adb://A", "arm://cortex-a76"]).rows == first.rows
    assert bench.calls("measure") == []
    # Other cores are another way of measuring, and so is another thread count.
    bench.run(targets)
    assert bench.calls("measure") == ["measure A 1 of 4"]
    bench.run(["adb://A", "arm://cortex-a76"], threads=[1, 2])
    assert bench.calls("measure") == ["measure A 2 of 4", *["measure cortex-a76 2 of 1"] * 4]


def test_a_device_that_fails_loses_nothing_of_the_others(bench: Bench) -> None:
    bench.breaks({"measure A": "input"})
    done = bench.run(["adb://A", "adb://B", "local"], ("one", "two"), threads=[1, 2])
    assert not done.complete
    assert {(f.network, f.target) for f in done.failures} == {
        ("one", "adb://A"),
        ("two", "adb://A"),
    }
    assert "bad input; correct it" in done.failures[0].message
    log = bench.out / done.failures[0].log
    assert log.is_file()
    counts = {target: 0 for target in ("adb://A", "adb://B", "local")}
    for line in read_lines(bench.out):
        if isinstance(line, Measurement):
            counts[line.target] += 1
    # The first thread count of each network was finished before A failed.
    assert counts == {"adb://A": 8, "adb://B": 16, "local": 16}
    assert "bad input; correct it" in done.report.read_text()
    bench.breaks({})
    bench.calls()
    again = bench.run(["adb://A", "adb://B", "local"], ("one", "two"), threads=[1, 2])
    assert again.complete and len(again.rows) == 48
    assert bench.calls("measure") == ["measure A 2 of 4"] * 2


@pytest.mark.parametrize("action", ["crash", "die"])
def test_a_network_that_cannot_be_deployed_does_not_lose_the_others(
    bench: Bench, action: str
) -> None:
    bench.breaks({"onnx int8": action})
    done = bench.run(["local"], ("one",))
    assert {failure.what for failure in done.failures} == {"onnx int8 export"}
    assert len(done.rows) == 3
    bench.breaks({"prepare": "input"})
    with pytest.raises(InputError, match="prepare: bad input"):
        bench.run(["local"], ("two",))
    bench.out = bench.folder / "new"
    with pytest.raises(InputError, match="prepare: bad input"):
        bench.run(["local"], ("two",))
    assert not bench.out.exists()


def test_artefacts_that_are_not_what_they_should_be_are_told(bench: Bench) -> None:
    (bench.folder / "plan.json").write_text('{"parity": false}')
    done = bench.run(["local"])
    assert len(done.rows) == len(done.failures) == 4
    assert done.failures[0].what == "executorch fp32 parity"


def test_a_format_that_a_device_cannot_run_is_told_and_left_out(bench: Bench) -> None:
    bench.breaks({"refuse A": "onnx"})
    done = bench.run(["adb://A"])
    (failure,) = done.failures
    assert (failure.target, failure.what, failure.message) == (
        "adb://A",
        "onnx",
        "no python3 there",
    )
    assert [row.result.format for row in done.rows] == ["executorch", "executorch"]


def test_another_latency_model_counts_again(bench: Bench, tmp_path: Path) -> None:
    points = [
        LatencyPoint(network=n, cycles=2e6, milliseconds=1.0 + i / 9) for i, n in enumerate("abc")
    ]
    path = tmp_path / "phone.json"
    path.write_text(fit_latency("Pixel 0", "cortex-a76", points).model_dump_json())
    bench.run(["arm://cortex-a76"])
    bench.calls()
    bench.run([{"address": "arm://cortex-a76", "latency_model": str(path)}])
    assert bench.calls("measure") == ["measure cortex-a76 1 of 1"] * 4


def test_the_report_shows_every_target_and_loads_nothing(bench: Bench) -> None:
    done = bench.run(["local", "arm://cortex-a76", "adb://A"], threads=[1, 2])
    page = done.report.read_text()
    for target in ("local", "arm://cortex-a76", "adb://A"):
        assert re.search(rf"<h2 id=.target-\d.>{target}</h2>", page)
    assert page.count("Scaling over threads") == 3
    assert "2.00×" in page and "Estimated cycles of one run" in page
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)""", page)
    assert links == ["data:,"] and "<script" not in page
    rows = re.findall(r'<tr(?: class="chosen")?>\s*<th scope="row" class="(\w+)">', page)
    assert len(rows) == 4 * 2 * 3


def test_the_folder_is_held_by_one_sweep_alone(bench: Bench) -> None:
    blocked = bench.folder / "file"
    blocked.write_text("")
    bench.out = blocked / "out"
    with pytest.raises(InputError, match="cannot be written"):
        bench.run(["local"])
