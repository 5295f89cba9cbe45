"""A real adb against a real arm64 adbd on loopback."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from runtime_bench.runners.benchmark import benchmark_on_device
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runners.session import stage_artefact
from runtime_bench.runners.user_binary import run_tool_on
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.outputs import noise_images
from runtime_bench.targets.adb import AdbTarget
from runtime_bench.targets.base import TargetError, TargetLost
from runtime_bench.targets.listing import list_targets
from runtime_bench.targets.opening import open_target
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.session import Subject
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import Artefacts, images
from tests.runtime_bench.targets.board import SERIAL, Board, Network

TARGET = f"adb://{SERIAL}"
MODE = Mode("test", 8, 0.001, 0.001, 1.0, loads=1, warmup_seconds=0.1, block_seconds=0.01)


def test_stage_run_fetch_and_cleanup(board: Board, tmp_path: Path) -> None:
    board.start_adbd()
    source = tmp_path / 'it\'s a "file" $x `y` \\z.bin'
    source.write_bytes(bytes(range(256)) * 1000)
    with open_target(TARGET) as target:
        assert isinstance(target, AdbTarget)
        name = f"a folder/{source.name}"
        target.stage({name: source})
        result = target.run(["sh", "-c", 'cat "$1" > copied; echo said; exit 3', "sh", name])
        assert (result.returncode, result.stdout) == (3, "said\n")
        target.fetch("copied", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        device, state = target.device(), target.device_state()
        work = target.work_folder
        assert work.startswith("/data/local/tmp/")
    assert device.name == "Fairbank Phone 'X' 2"
    assert (device.soc, device.os, device.architecture) == ("SM0000", "Android 16", "aarch64")
    assert device.maximum_mhz == (1766.4, 2841.6)
    assert state.battery_percent == 81.0 and state.throttled is False
    with open_target(TARGET) as target:
        assert isinstance(target, AdbTarget)
        assert target._shell(f"test -e {work}").returncode == 1


def test_an_artefact_is_measured_and_throttling_is_told(
    board: Board, kit: RunnerKit, artefacts: Artefacts
) -> None:
    board.start_adbd()
    path, batch = artefacts("executorch", "int8"), images(2)
    with open_target(TARGET) as target:
        session = stage_artefact(target, kit, path, batch, threads=2).start()
        host = logits_of(runtime_of(path).load(path, 1).run(batch))
        np.testing.assert_array_equal(logits_of(session.outputs()), host)
        session.close()

        def heat(_: float) -> None:
            (board.sys / "status").write_text("3\n")
            for clock in board.sys.glob("devices/system/cpu/cpu*/cpufreq/scaling_cur_freq"):
                clock.write_text("600000\n")

        (measured,) = benchmark_on_device(
            target,
            kit,
            [Subject(path, "int8")],
            [noise_images(path)],
            threads=1,
            mode=MODE,
            cool_below=60.0,
            progress=heat,
        )
        # Before and during: the zones are at 41 and 30.5 degrees Celsius.
        assert measured.state_after is not None and measured.state_after.throttled is True
    assert measured.noise is not None and measured.noise.noisy
    reasons = "; ".join(measured.noise.reasons)
    assert "throttled" in reasons and "to 600 MHz" in reasons
    assert measured.note == "outputs equal this machine's" and measured.cold


def test_the_user_s_own_tool_runs_there(board: Board, tmp_path: Path) -> None:
    """A shell script stands in for benchmark_model, of which no arm64 build can be had here."""
    board.start_adbd()
    binary, artefact = tmp_path / "my 'tool'", tmp_path / "a b.tflite"
    counts = "count=7 first=900 curr=800 min=700 max=900 avg=800.5 std=9 p5=700 median=790 p95=880"
    binary.write_text(
        "#!/bin/sh\ntest -s model.tflite && uname -m >&2 && echo 'INFO: " + counts + "'\n"
        "echo 'INFO: Inference timings in us: Init: 5000, First inference: 2000'\n"
    )
    binary.chmod(0o755)
    artefact.write_bytes(b"TFL3")
    with open_target(TARGET) as target:
        found = run_tool_on(target, binary, artefact, threads=1, mode=MODE, cores=[1])
    assert found.timings_ms.median == 0.79 and found.timings_ms.load == 5.0
    assert (found.device.architecture, found.target) == ("aarch64", TARGET)
    assert found.state_before.battery_percent == 81


def test_a_phone_that_is_unplugged(
    board: Board, kit: RunnerKit, artefacts: Artefacts, network: Network
) -> None:
    board.start_adbd()
    path = artefacts("onnx", "int8")
    with open_target(TARGET) as target:
        session = stage_artefact(target, kit, path, images(1), threads=1).start()
        assert len(session.run_block(5)) == 5
        board.stop()
        with pytest.raises(TargetLost, match=r"the device is gone.*resume"):
            session.run_block(5)
        session.close()
        with pytest.raises(TargetLost):
            target.run(["true"])
    board.start_adbd()
    with open_target(TARGET) as target:
        session = stage_artefact(target, kit, path, images(1), threads=1).start()
        assert len(session.run_block(5)) == 5
        session.close()


def test_a_full_disk(board: Board, kit: RunnerKit, artefacts: Artefacts) -> None:
    board.start_adbd(work_kib=4096)
    with (
        open_target(TARGET) as target,
        pytest.raises(TargetError, match=r"MiB free.*free space on the device"),
    ):
        stage_artefact(target, kit, artefacts("executorch", "fp32"), images(1), threads=1).start()


@pytest.mark.parametrize("serial", ["NOSUCHPHONE", 'it\'s a "phone" $(reboot) ; x'])
def test_a_serial_that_does_not_exist(board: Board, serial: str) -> None:
    board.start_adbd()
    with (
        pytest.raises(TargetError, match=f"no such device; adb sees: {SERIAL}"),
        open_target("adb://" + quote(serial)),
    ):
        pass


def test_listing(board: Board, network: Network) -> None:
    def phones() -> list[tuple[str, bool, str]]:
        return [
            (one.target, one.reachable, one.detail)
            for one in list_targets()
            if one.target.startswith("adb")
        ]

    assert phones() == [("adb://SERIAL", False, "adb sees no device")]
    board.start_adbd()
    assert phones() == [(TARGET, True, "device")]
