"""How a runner's end is told apart from the loss of its device, with a client program of shell."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from runtime_bench.targets.base import CommandResult, TargetError, TargetLost
from runtime_bench.targets.shell import ShellTarget

# Says what a runtime prints as it loads, then waits for its stdin.
RUNNER = ["sh", "-c", "echo Resetting threadpool >&2; echo ready; read line; exit 255"]


class Board(ShellTarget):
    """A device that is there while the file ``power`` is; a client without words like ssh's."""

    def __init__(self, folder: Path) -> None:
        super().__init__("ssh://board", str(folder))
        self.power = folder / "power"
        self.power.touch()
        Path(self.work_folder).mkdir()

    def _client(self, shell_script: str) -> list[str]:
        there = f"test -e {shlex.quote(str(self.power))} || exit 255"
        return ["sh", "-c", f"{there}; {shell_script}"]

    def _push(self, source: Path, destination: str) -> CommandResult:
        raise NotImplementedError

    def _connection_problem(self, result: CommandResult) -> TargetError | None:
        lost = result.returncode == 255 and not result.stderr.strip()
        return TargetError("the connection broke") if lost else None


def test_a_silent_loss_behind_the_runners_own_words(tmp_path: Path) -> None:
    board = Board(tmp_path)
    process = board.start(RUNNER)
    assert process.read_line(60) == "ready"
    board.power.unlink()
    process.send("end")
    with pytest.raises(TargetLost, match=r"the device is gone \(no answer\).*resume"):
        process.read_line(60)
    process.close()


def test_a_runner_that_fails_on_a_device_that_is_there(tmp_path: Path) -> None:
    process = Board(tmp_path).start(RUNNER)
    assert process.read_line(60) == "ready"
    process.send("end")
    with pytest.raises(TargetError, match=r"^ssh://board: sh: Resetting threadpool") as caught:
        process.read_line(60)
    assert not isinstance(caught.value, TargetLost)
    process.close()
