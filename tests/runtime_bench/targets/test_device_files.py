from __future__ import annotations

import subprocess
from pathlib import Path

from runtime_bench.machine.device import describe
from runtime_bench.targets.device_files import (
    IDENTITY_FILES,
    STATE_FILES,
    battery_of_dumpsys,
    describe_printed,
    lay_out,
    script,
    throttled_of_dumpsys,
)
from tests.runtime_bench.targets.board import make_sys


def printed(patterns: tuple[str, ...]) -> str:
    return subprocess.run(
        ["sh", "-c", script(patterns)], check=True, capture_output=True, text=True
    ).stdout


def test_this_machine_is_described_as_if_read_directly() -> None:
    assert describe_printed(printed(IDENTITY_FILES)).model_dump(exclude={"memory_bytes"}) == (
        describe().model_dump(exclude={"memory_bytes"})
    )


def test_state_files_keep_their_names_and_contents(tmp_path: Path) -> None:
    source = make_sys(tmp_path / "source with 'quotes'")
    pattern = (
        f"'{source}'".replace("with 'quotes'", "with '\"'quotes'\"'") + "/class/thermal/*/temp"
    )
    lay_out(printed((pattern,)), tmp_path / "copy")
    copied = tmp_path / "copy" / source.relative_to("/") / "class/thermal/thermal_zone0/temp"
    assert copied.read_text().strip() == "41000"


def test_a_pattern_without_files_prints_nothing() -> None:
    assert printed(("/nonexistent/thermal*/temp",)) == ""
    assert STATE_FILES


def test_paths_cannot_leave_the_folder(tmp_path: Path) -> None:
    lay_out("=fbdeploy= /../../escaped\nx\n", tmp_path / "inside")
    assert not list(tmp_path.parent.glob("escaped*"))


def test_dumpsys() -> None:
    # Forms of Android 12 to 16.
    assert battery_of_dumpsys("Current Battery Service state:\n  level: 81\n  scale: 100\n") == 81.0
    assert battery_of_dumpsys("Can't find service: battery") is None
    assert throttled_of_dumpsys("IsStatusOverride: false\nThermal Status: 0\n") is False
    assert throttled_of_dumpsys("IsStatusOverride: false\nThermal Status: 3\n") is True
    assert throttled_of_dumpsys("Can't find service: thermalservice") is None
