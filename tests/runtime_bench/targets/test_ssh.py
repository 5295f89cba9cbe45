"""A real ssh client against a real arm64 sshd on loopback."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import fbdeploy.latency.measure as measuring
from fbdeploy.latency.measure import LatencyRequest, measure_latency
from runtime_bench.runners.benchmark import benchmark_on_device
from runtime_bench.runners.kit import RunnerKit
from runtime_bench.runners.session import stage_artefact
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.outputs import noise_images
from runtime_bench.targets.base import TargetError, TargetLost
from runtime_bench.targets.listing import list_targets
from runtime_bench.targets.opening import open_target
from runtime_bench.targets.ssh import SshTarget
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.session import Subject
from tasks.logits import logits_of
from tests.runtime_bench.artefacts import Artefacts, images
from tests.runtime_bench.targets.board import SSH_PORT, Board, make_key

TARGET = f"ssh://root@127.0.0.1:{SSH_PORT}"
MODE = Mode("test", 8, 0.001, 0.001, 1.0, loads=1, warmup_seconds=0.1, block_seconds=0.01)


@pytest.fixture
def options(board: Board, tmp_path: Path) -> tuple[str, ...]:
    """A started board that knows our key, and the client's options; its host key is known."""
    key = tmp_path / "our key"
    make_key(key)
    board.authorize(key.with_suffix(".pub"))
    board.start_sshd()
    known = tmp_path / "known_hosts"
    _learn(board, known)
    return _options(key, known)


def _options(key: Path, known: Path) -> tuple[str, ...]:
    return (
        *("-F", "none", "-o", f'IdentityFile="{key}"', "-o", "IdentitiesOnly=yes"),
        *("-o", f'UserKnownHostsFile="{known}"', "-o", "StrictHostKeyChecking=yes"),
    )


def _learn(board: Board, known: Path) -> None:
    public = (board.image / "etc/ssh/host_key.pub").read_text()
    known.write_text(f"[127.0.0.1]:{SSH_PORT} {public}")


def test_stage_run_fetch_and_cleanup(
    board: Board, options: tuple[str, ...], tmp_path: Path
) -> None:
    source = tmp_path / 'it\'s a "file" $x `y` \\z.bin'
    source.write_bytes(bytes(range(256)) * 1000)
    with open_target(TARGET, ssh_options=options) as target:
        assert isinstance(target, SshTarget)
        assert target.architecture() == "aarch64"
        name = f"a folder/{source.name}"
        target.stage({name: source})
        result = target.run(["sh", "-c", 'cat "$1" > copied; exit 3', "sh", name])
        assert result.returncode == 3, result
        target.fetch("copied", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        with pytest.raises(TargetError, match=r"nothing-here: .*No such file"):
            target.fetch("nothing-here", tmp_path / "x")
        assert not (tmp_path / "x").exists()
        device, state = target.device(), target.device_state()
        work = target.work_folder
    assert (device.architecture, device.cores, device.os) == ("aarch64", 2, "Board OS 1")
    assert device.cpu == "2x Cortex-A76" and "asimddp" in device.isa
    assert state.governors == ("schedutil", "schedutil")
    assert state.temperatures == {"cpu-big": 41.0, "battery": 30.5}
    with open_target(TARGET, ssh_options=options) as target:
        assert target.run(["true"]).returncode != 0  # the work folder is made by stage
        assert isinstance(target, SshTarget)
        assert target._shell(f"test -e {work}").returncode == 1


def test_remote_codes_of_255_are_not_taken_for_ssh_failures(options: tuple[str, ...]) -> None:
    with open_target(TARGET, ssh_options=options) as target:
        target.stage({"file": Path(__file__)})
        assert target.run(["sh", "-c", "echo own words >&2; exit 255"]).returncode == 255


def test_artefacts_are_measured_with_the_hosts_outputs(
    options: tuple[str, ...], kit: RunnerKit, artefacts: Artefacts, tmp_path: Path
) -> None:
    batch = images(3)
    paths = [artefacts("executorch", "int8"), artefacts("onnx", "fp32")]
    with open_target(TARGET, ssh_options=options) as target:
        for path in paths:
            session = stage_artefact(target, kit, path, batch, threads=1, cores=[1]).start()
            host = logits_of(runtime_of(path).load(path, 1).run(batch))
            np.testing.assert_allclose(logits_of(session.outputs()), host, rtol=0, atol=1e-6)
            session.close()
        subjects = [Subject(paths[0], "int8"), Subject(paths[1], "fp32")]
        pictures = [noise_images(path) for path in paths]
        measured = benchmark_on_device(
            target, kit, subjects, pictures, threads=1, mode=MODE, cores=[1]
        )
    assert [one.runtime for one in measured] == ["executorch", "onnxruntime"]
    assert measured[0].note == "outputs equal this machine's"
    assert measured[1].note.startswith("outputs equal this machine's")
    for one in measured:
        assert one.kind == "measured" and one.cpu_mask == (1,) and one.target == TARGET
        assert len(one.samples_ns) >= MODE.minimum_runs and min(one.samples_ns) > 0
        assert len(one.load_ns) == len(one.first_run_ns) == MODE.epochs + 1
        assert one.peak_memory_bytes and one.peak_memory_bytes > 1 << 20
        assert one.state_before and one.state_after


def test_a_device_that_disappears_loses_nothing_and_is_resumed(
    board: Board,
    options: tuple[str, ...],
    kit: RunnerKit,
    artefacts: Artefacts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measuring, "open_target", partial(open_target, ssh_options=options))
    request = LatencyRequest(
        (Subject(artefacts("executorch", "int8")),),
        *(TARGET, (1, 2), MODE, tmp_path / "results.jsonl"),
        resume=True,
        runners=kit.folder,
    )
    (first,) = measure_latency(replace(request, threads=(1,)))

    def pull_the_plug(_: float) -> None:
        board.stop()

    begin = time.monotonic()
    again = measure_latency(request, pull_the_plug)
    assert next(again) == first
    with pytest.raises(TargetLost, match=r"the device is gone.*resume"):
        next(again)
    assert time.monotonic() - begin < 60
    board.start_sshd()
    both = list(measure_latency(request))
    assert both[0] == first
    assert [one.threads for one in both] == [1, 2]


def test_a_full_disk(board: Board, options: tuple[str, ...], tmp_path: Path) -> None:
    board.stop()
    board.start_sshd(work_kib=4096)
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(8 << 20))
    small = tmp_path / "small.bin"
    small.write_bytes(b"x")
    with open_target(TARGET, ssh_options=options) as target:
        with pytest.raises(TargetError, match=r"MiB free.*needs 8\.0 MiB"):
            target.stage({"large.bin": large})
        assert target.run(["test", "-e", "large.bin"]).returncode == 1
        target.stage({"small.bin": small})


def test_another_architecture(
    board: Board, options: tuple[str, ...], kit: RunnerKit, artefacts: Artefacts
) -> None:
    with open_target(TARGET, ssh_options=options) as target:
        other = RunnerKit(kit.folder, kit.manifest.model_copy(update={"architecture": "riscv64"}))
        with pytest.raises(TargetError, match="is aarch64, the runners are for riscv64"):
            stage_artefact(target, other, artefacts("onnx", "fp32"), images(1), threads=1).start()


def test_a_changed_host_key(board: Board, options: tuple[str, ...]) -> None:
    board.stop()
    board.new_host_key()
    board.start_sshd()
    with (
        pytest.raises(TargetError, match=r"host key is not the one.*ssh-keygen -R '\[127"),
        open_target(TARGET, ssh_options=options),
    ):
        pass


def test_an_unknown_host_key_and_login(
    board: Board, options: tuple[str, ...], tmp_path: Path
) -> None:
    known = tmp_path / "known_hosts"
    (tmp_path / "nobody").write_text("")
    with (
        pytest.raises(TargetError, match="host key is unknown; connect once"),
        open_target(TARGET, ssh_options=_options(tmp_path / "our key", tmp_path / "nobody")),
    ):
        pass
    make_key(tmp_path / "other")
    with (
        pytest.raises(TargetError, match="login was refused"),
        open_target(TARGET, ssh_options=_options(tmp_path / "other", known)),
    ):
        pass


def test_nobody_listens(board: Board, options: tuple[str, ...]) -> None:
    board.stop()
    statuses = list_targets([TARGET], options)
    status = next(one for one in statuses if one.target == TARGET)
    assert not status.reachable and "Connection refused" in status.detail


def test_listing_shows_the_board(options: tuple[str, ...]) -> None:
    status = next(one for one in list_targets([TARGET], options) if one.target == TARGET)
    assert status.reachable and "Cortex-A76" in status.detail


def test_no_litert_on_a_board_without_python(
    options: tuple[str, ...], kit: RunnerKit, artefacts: Artefacts
) -> None:
    with (
        open_target(TARGET, ssh_options=options) as target,
        pytest.raises(TargetError, match="no python3 there that imports ai_edge_litert"),
    ):
        stage_artefact(target, kit, artefacts("litert", "fp32"), images(1), threads=1).start()
