"""``python -m benchmarks.robustness.kill``: deployments killed at random points, and run again.

A small deployment is run once undisturbed. Then, as often as asked for, the same command is killed
with SIGKILL after a random part of that time (the front door, or one of its workers); nothing of it
may be left running after a few seconds. The same command is run again to its end, and what both
leave is compared byte for byte: artefacts, program and captured graph. ``kill.json`` beside this
file has the result.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fbdeploy.pipeline.workers.descendants import children_of

RESULT = Path(__file__).with_name("kill.json")
COMPARED = ("fp32/*", "int8/*", ".fbdeploy/program-*/*", ".fbdeploy/graph-*/*")
ENDING_SECONDS = 10.0


@dataclass(frozen=True)
class Trial:
    """One kill: what was killed after which part of an undisturbed run, and what came of it."""

    part: float
    killed: str
    left_running: int
    second_exit: int
    differing: list[str]


def command(formats: str, output: Path) -> list[str]:
    """The deployment, of the embedded default network."""
    return [
        *(sys.executable, "-m", "fbdeploy", "deploy", "--artefacts-only", "--images", "100"),
        *("--recipe", "ptq-fast", "--formats", formats, "--output", str(output)),
    ]


def contents(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file that is compared, by its path in the output folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in COMPARED
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


def alive(processes: list[int]) -> list[int]:
    """Those that still run; of one that waits to be reaped the command line is empty."""
    found = []
    for one in processes:
        with suppress(OSError):
            if Path(f"/proc/{one}/cmdline").read_bytes():
                found.append(one)
    return found


def interrupt(formats: str, output: Path, after: float, worker: bool) -> tuple[str, int] | None:
    """Run and kill; what was killed and how many processes are left. None: it ended before."""
    process = subprocess.Popen(
        command(formats, output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(after)
        return None
    except subprocess.TimeoutExpired:
        pass
    children = alive(children_of(process.pid))
    victim = children[0] if worker and children else process.pid
    os.kill(victim, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + ENDING_SECONDS
    while alive(children) and time.monotonic() < end:
        time.sleep(0.1)
    return "front door" if victim == process.pid else "worker", len(alive(children))


def main() -> int:
    """Run all trials; 1 if one of them left another result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--formats", default="onnx")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    generator = random.Random(asked.seed)
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        subprocess.run(
            command(asked.formats, folder / "undisturbed"), check=True, capture_output=True
        )
        seconds = time.monotonic() - began
        expected = contents(folder / "undisturbed")
        while len(trials) < asked.kills:
            output, part = folder / "killed", generator.random()
            shutil.rmtree(output, ignore_errors=True)
            interrupted = interrupt(asked.formats, output, part * seconds, generator.random() < 0.3)
            if interrupted is None:
                continue
            killed, left = interrupted
            again = subprocess.run(command(asked.formats, output), capture_output=True)
            made = contents(output)
            differing = sorted(key for key in expected | made if expected.get(key) != made.get(key))
            trials.append(Trial(round(part, 3), killed, left, again.returncode, differing))
            print(trials[-1], flush=True)
    good = all(not (t.left_running or t.second_exit or t.differing) for t in trials)
    RESULT.write_text(
        json.dumps(
            {
                "command": f"python -m benchmarks.robustness.kill --kills {asked.kills} "
                f"--formats {asked.formats} --seed {asked.seed}",
                "undisturbed_seconds": round(seconds, 1),
                "compared_files": len(expected),
                "trials": [asdict(trial) for trial in trials],
            },
            indent=1,
        )
        + "\n"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
