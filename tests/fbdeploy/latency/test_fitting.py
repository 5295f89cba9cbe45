"""A latency model fitted on results files of a device and of an emulated core."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fbdeploy.cli.app import run
from fbdeploy.latency.fitting import fit_from_results
from runtime_bench.emulation.latency_model import LatencyModel
from runtime_bench.measurement import (
    Counts,
    Device,
    Measurement,
    append_measurement,
)
from runtime_bench.timing.session import latency_summary
from stats.noise import Noise
from tests.fbdeploy.samples import TIME, digest
from zoo.errors import InputError

CYCLES = {"a.pte": 1e6, "b.pte": 4e6, "c.onnx": 2e7}
NANOSECONDS_A_CYCLE = 0.5


def _measurement(name: str, target: str, threads: int = 1, **changes: object) -> Measurement:
    fields: dict[str, object] = {
        "kind": "measured",
        "created": TIME,
        "artefact": name,
        "sha256": digest(name),
        "format": "executorch",
        "target": target,
        "device": Device(name="Pixel 0", cores=8),
        "threads": threads,
        "runtime": "executorch",
        "runtime_version": "1",
        "mode": "quick",
    }
    return Measurement.model_validate(fields | changes)


def _timed(name: str, nanoseconds: float, **changes: object) -> Measurement:
    summary = latency_summary([int(nanoseconds)] * 9)
    target = str(changes.pop("target", "adb://PIXEL"))
    return _measurement(name, target, latency_ms=summary, **changes)


def _counted(name: str, cycles: float | None, core: str = "cortex-a76") -> Measurement:
    counts = Counts(instructions=int(2 * (cycles or 1)), cycles=cycles)
    return _measurement(name, f"arm://{core}", kind="emulated", mode="counted", counts=counts)


def _write(path: Path, lines: list[Measurement]) -> Path:
    for line in lines:
        append_measurement(path, line)
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A device on which every cycle takes half a nanosecond, and the core."""
    noise = Noise(noisy=True, drift=0.2, outliers=0.0, modes=1, reasons=("drift",))
    timed = [
        _timed(name, cycles * NANOSECONDS_A_CYCLE, noise=noise if name == "b.pte" else None)
        for name, cycles in CYCLES.items()
    ]
    # Neither of another thread count nor emulated elsewhere: left out.
    others = [_timed("a.pte", 1e9, threads=2), _timed("alone.pte", 1e6)]
    counted = [_counted(name, cycles) for name, cycles in CYCLES.items()]
    return (
        _write(tmp_path / "pixel.jsonl", [*others, *timed]),
        _write(tmp_path / "a76.jsonl", [_counted("a.pte", 7.0), *counted]),
    )


def test_the_devices_scale_is_found(files: tuple[Path, Path]) -> None:
    fitted = fit_from_results(*files)
    model = fitted.model
    assert (model.device, model.core) == ("Pixel 0", "cortex-a76")
    assert {point.network: point.cycles for point in model.points} == CYCLES
    assert model.scale == pytest.approx(NANOSECONDS_A_CYCLE * 1e-6)
    assert model.mean_error() == pytest.approx(0, abs=1e-12)
    assert fitted.noisy == ("b.pte",)


def test_the_name_it_had_still_works_and_says_so(
    files: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "pixel.json"
    assert run(["calibrate", *map(str, files), "--output", str(output), "--json"]) == 0
    said = capfd.readouterr()
    assert json.loads(said.out)["calibration"] == json.loads(output.read_text())
    assert said.err == ("fbdeploy: calibrate is called fit-latency now; the old name still works\n")
    model = ["--calibration", str(output)]
    assert run(["bench", "none.pte", "--target", "arm://cortex-a76", *model]) == 2
    (line,) = capfd.readouterr().err.splitlines()  # what is refused is one line
    assert "none.pte: no such artefact" in line
    assert run(["bench", "none.pte", *model, "--latency-model", str(output)]) == 2
    assert "leave it out" in capfd.readouterr().err


def test_the_command_writes_and_tells(
    files: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "pixel.json"
    line = ["fit-latency", *map(str, files), "--output", str(output)]
    assert run([*line, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert LatencyModel.model_validate(document["latency_model"]) == (
        LatencyModel.model_validate_json(output.read_text())
    )
    assert document["noisy"] == ["b.pte"] and document["mean_error"] < 1e-9
    assert run(line) == 0
    text = capfd.readouterr().out
    assert "arm://cortex-a76 as Pixel 0: 0.5 ms a million cycles" in text
    assert [row.split()[0] for row in text.splitlines() if row.endswith("noisy")] == ["b.pte"]


def test_several_targets_must_be_told_apart(files: tuple[Path, Path]) -> None:
    measured, emulated = files
    _write(measured, [_timed("a.pte", 3e6, target="ssh://pi@pi")])
    _write(emulated, [_counted("a.pte", 1e6, "cortex-x1")])
    with pytest.raises(InputError, match=r"adb://PIXEL, ssh://pi@pi; say which by --target"):
        fit_from_results(measured, emulated)
    with pytest.raises(InputError, match="say which by --core"):
        fit_from_results(measured, emulated, target="adb://PIXEL")
    with pytest.raises(InputError, match=r"--core arm://cortex-a53: .*cortex-x1; give one"):
        fit_from_results(measured, emulated, target="adb://PIXEL", core="cortex-a53")
    fitted = fit_from_results(measured, emulated, target="adb://PIXEL", core="cortex-a76")
    assert len(fitted.model.points) == len(CYCLES)


def test_what_cannot_be_fitted_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    measured, emulated = files
    with pytest.raises(InputError, match=r"none\.jsonl: no such file"):
        fit_from_results(tmp_path / "none.jsonl", emulated)
    with pytest.raises(InputError, match="holds no 1-thread measured times"):
        fit_from_results(emulated, emulated)
    with pytest.raises(InputError, match="holds no 1-thread cycles"):
        fit_from_results(measured, _write(tmp_path / "a53.jsonl", [_counted("a.pte", None)]))
    with pytest.raises(InputError, match="holds none of the artefacts"):
        fit_from_results(measured, _write(tmp_path / "x.jsonl", [_counted("x.pte", 1e6)]))
    with pytest.raises(InputError, match="at least 3 measured networks, not 1"):
        fit_from_results(measured, _write(tmp_path / "one.jsonl", [_counted("a.pte", 1e6)]))
