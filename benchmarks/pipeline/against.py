"""Seconds of ``fbdeploy deploy`` of the embedded default, this tree's and another's in turns.

    git worktree add /tmp/base 30eb52a
    python -m benchmarks.pipeline.against --base /tmp/base \\
        --output benchmarks/pipeline/against.jsonl
    python -m benchmarks.pipeline.against --table benchmarks/pipeline/against.jsonl

Both trees run with this environment's libraries, on an idle machine, in the order base, this, this,
base, so that a machine that slows down or speeds up favours neither.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.int8_speed.against import line, rounds
from fbdeploy.pipeline.environment import environment

#: How ``deploy`` tells the end of a step.
_STEP = re.compile(r"^(.+): ([\d.]+) s, [\d.]+ GB$", re.MULTILINE)


def deploy(tree: Path, output: Path) -> dict[str, Any]:
    """Wall and processor seconds of a deployment by the code of ``tree``, and of its steps."""
    variables = os.environ | {"PYTHONPATH": str(tree)}
    where = [sys.executable, "-P", "-c", "import fbdeploy; print(fbdeploy.__file__)"]
    found = subprocess.run(where, env=variables, capture_output=True, text=True, check=True).stdout
    if not Path(found.strip()).is_relative_to(tree):
        raise SystemExit(f"{found.strip()} was imported, not a module of {tree}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fbdeploy", "deploy", "--output", str(output)],
        env=variables, cwd=output.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{tree}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    processor = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    lines = done.stderr.replace("\r", "\n")
    steps = {name: float(seconds) for name, seconds in _STEP.findall(lines)}
    return {"wall": round(wall, 1), "processor": round(processor, 1), "steps": steps}


def commit_of(tree: Path) -> str:
    """What is checked out in ``tree``; with a plus where it was changed."""
    command = ["git", "-C", str(tree), "describe", "--always", "--dirty=+", "--exclude", "*"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def table(runs: list[dict[str, Any]]) -> str:
    """Markdown: a step a line; medians of both trees, and their ratio."""
    base, this = ([run for run in runs if run["tree"] == name] for name in ("base", "this"))
    lines = [
        f"| | base ({base[0]['commit']}), s | this ({this[0]['commit']}), s | this / base |",
        "|---|---|---|---|",
    ]

    for name in ("wall", "processor"):
        lines.append(line(name, *([run[name] for run in tree] for tree in (base, this))))
    for step in base[0]["steps"]:
        lines.append(line(step, *([run["steps"][step] for run in tree] for tree in (base, this))))
    walls = ", ".join(f"{run['tree']} {run['wall']:.1f}" for run in runs)
    return "\n".join([*lines, "", f"Wall seconds in order: {walls}."])


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="show these results and do nothing else")
    parser.add_argument("--base", type=Path, help="a worktree of the other commit")
    parser.add_argument("--output", type=Path, help="where results are appended")
    parser.add_argument("--rounds", type=int, default=2, help="of both trees; even is fair")
    given = parser.parse_args()
    if given.table is not None:
        print(table([json.loads(one) for one in given.table.read_text().splitlines()]))
        return
    if given.base is None or not (given.base / "fbdeploy").is_dir() or given.output is None:
        parser.error("--base is to be a worktree of the other commit, --output a file")
    for name, tree in rounds(given.base.resolve(), given.rounds):
        with tempfile.TemporaryDirectory() as folder:
            run = deploy(tree, Path(folder) / "out")
        here = environment().model_dump(mode="json")
        run = {"tree": name, "commit": commit_of(tree), "environment": here, **run}
        with given.output.open("a", encoding="utf-8") as results:
            results.write(json.dumps(run) + "\n")
        print(name, run["wall"], flush=True)


if __name__ == "__main__":
    main()
