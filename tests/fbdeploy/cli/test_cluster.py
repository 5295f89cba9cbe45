"""The commands of a cluster, where there is none: keys, and one line for what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fbdeploy.pipeline.lock import locked
from tests.fbdeploy.cli.in_process import command

ROOT = Path(__file__).parents[3]
PLAN = 'scheduler = "tcp://127.0.0.1:9"\n[[hosts]]\nname = "lab1"\n'
"""Nobody listens at port 9 (discard) any more."""


def python(code: str, *, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run code in a new process, where a package of the name ``without`` cannot be imported."""
    refuse = f"import sys; sys.modules[{without!r}] = None\n" if without else ""
    return subprocess.run(
        [sys.executable, "-P", "-c", refuse + code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_keys_are_made_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    done = command(capfd, "cluster", "keys", str(tmp_path / "keys"), "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert {path.name for path in (tmp_path / "keys").iterdir()} == set(found["files"])
    again = command(capfd, "cluster", "keys", str(tmp_path / "keys"))
    assert again.code == 2 and "holds keys already" in again.line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cluster", "status", "plan.toml"], "no scheduler answers there (Connection refused)"),
        (["deploy", "--cluster", "plan.toml"], "no scheduler answers there"),
        (["sweep", "--networks", "default", "--cluster", "plan.toml"], "no scheduler answers"),
        (["deploy", "--cluster", "none.toml"], "none.toml"),
        (["sensitivity", "--cluster", "plan.toml"], "no scheduler answers there"),
        (["evaluate", "model.onnx", "--data", "x.json", "--cluster", "plan.toml"], "no such"),
        (["cluster", "host", "plan.toml", "--name", "lab7"], "lab7: is no host of the plan"),
        (["cluster", "host", "plan.toml"], "--name"),
        (["cluster", "host", "away.toml", "--name", "lab1"], "cache of lab1: ~nobody-here/c: "),
        (["cluster", "host", "away.toml", "--name", "lab2"], "data of lab2: ~nobody-here/d: "),
        (["cluster", "scheduler", "open.toml"], "in the clear"),
        (["cluster", "host", "bare.toml", "--name", "lab1"], "ca.pem: cannot be read"),
        (["deploy", "--wait-for-host", "-1", "--cluster", "plan.toml"], "--wait-for-host -1"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "open.toml").write_text(PLAN.replace("127.0.0.1", "10.0.0.1"))
    bare = PLAN.replace("tcp:", "tls:").replace("[[", 'keys = "keys"\n[[')
    (tmp_path / "bare.toml").write_text(bare)
    away = PLAN + 'cache = "~nobody-here/c"\n'
    away += '[[hosts]]\nname = "lab2"\ndata = ["~nobody-here/d"]\n'
    (tmp_path / "away.toml").write_text(away)
    before = {path.name for path in tmp_path.iterdir()}
    done = command(capfd, *arguments)
    assert said in done.line
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_cache_is_one_hosts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A second host would take the files of the first one's jobs for those of a killed host."""
    running = tmp_path / "cache" / "scratch" / "job"
    running.mkdir(parents=True)
    (tmp_path / "plan.toml").write_text(f'{PLAN}cache = "{tmp_path / "cache"}"\n')
    with locked(tmp_path / "cache"):
        done = command(capfd, "cluster", "host", str(tmp_path / "plan.toml"), "--name", "lab1")
    assert done.code == 2 and f"{tmp_path / 'cache'}: another fbdeploy (process " in done.line
    assert done.line.endswith("wait for it or choose another cache in the plan")
    assert running.exists()


def test_without_a_cluster_dask_is_not_imported() -> None:
    code = (
        "import sys, fbdeploy.cli.app, fbdeploy.pipeline.deploy, fbdeploy.sweep.run\n"
        "fbdeploy.cli.app.build()\n"
        "print(*({'dask', 'distributed', 'tornado'} & set(sys.modules)))"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    arguments = ["deploy", "--cluster", str(tmp_path / "plan.toml")]
    code = f"from fbdeploy.cli.app import run; sys.exit(run({arguments!r}))"
    done = python(code, without="distributed")
    assert done.returncode == 2
    assert "pip install 'fbdeploy[cluster]'" in done.stderr and done.stderr.count("\n") == 1
