from __future__ import annotations

import sys
from pathlib import Path

import pytest

from runtime_bench.targets.base import TargetError
from runtime_bench.targets.local import LocalTarget
from runtime_bench.targets.opening import open_target
from zoo.errors import InputError


def test_stage_run_fetch_and_cleanup(tmp_path: Path) -> None:
    source = tmp_path / 'it\'s a "file" $x.txt'
    source.write_text("hello")
    with open_target("local") as target:
        assert isinstance(target, LocalTarget)
        name = f"folder/{source.name}"
        target.stage({name: source})
        copy = "import shutil, sys; shutil.copy(sys.argv[1], 'copied'); sys.exit(3)"
        assert target.run([sys.executable, "-c", copy, name]).returncode == 3
        target.fetch("copied", tmp_path / "back")
        assert (tmp_path / "back").read_text() == "hello"
        folder = target.work_folder
    assert not folder.exists()


def test_files_stay_inside_the_work_folder(tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_text("x")
    with open_target("local") as target, pytest.raises(InputError, match="inside the work folder"):
        target.stage({"../outside": source})


def test_errors_are_one_line(tmp_path: Path) -> None:
    with open_target("local") as target:
        with pytest.raises(TargetError, match="no such file"):
            target.fetch("nothing", tmp_path / "x")
        with pytest.raises(TargetError, match=r"nonexistent-program"):
            target.run(["nonexistent-program"])
        with pytest.raises(TargetError, match="no end after 0 s"):
            target.run(["sleep", "5"], timeout=0.1)
        with pytest.raises(TargetError, match="no module_that_is_not_there"):
            target.python("module_that_is_not_there")


def test_lines_are_exchanged_and_the_end_is_explained() -> None:
    with open_target("local") as target:
        program = "import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)"
        process = target.start([sys.executable, "-c", program])
        process.send("hello")
        assert process.read_line(30) == "HELLO"
        process.close()
        failing = target.start([sys.executable, "-c", "import sys; sys.exit('no model')"])
        with pytest.raises(TargetError, match="no model"):
            failing.read_line(30)
        failing.close()
        silent = target.start(["sleep", "60"])
        with pytest.raises(TargetError, match="no answer"):
            silent.read_line(0.1)
        silent.close()
