"""Times the same artefacts in many processes, as the jobs of a CI would: what noise looks like.

python benchmarks/regression_check/measure_noise.py OUT --sessions 20 --into latency_sessions.json

Every session is a process of its own in the mode that ``fbdeploy deploy`` times with, all artefacts
interleaved. The file keeps each round's median and whether the protocol called the series noisy;
sessions are added to those it holds already. About 10 s a session for four artefacts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ARTEFACTS = ("fp32/model.pte", "int8/model.pte", "int8/model.onnx", "int8/model.tflite")


def measure(folder: Path) -> dict[str, object]:
    """One session: nanoseconds, one median a round, by artefact."""
    from runtime_bench.timing.modes import mode_of
    from runtime_bench.timing.protocol import benchmark
    from runtime_bench.timing.session import Subject
    from stats.percentiles import round_medians

    subjects = [Subject(folder / name, name.partition("/")[0]) for name in ARTEFACTS]
    measured = benchmark(subjects, threads=1, mode=mode_of("quick"))
    series = {
        name: {
            "noisy": bool(one.noise and one.noise.noisy),
            "rounds_ns": [round(value) for value in round_medians(one.samples_ns, one.block_runs)],
        }
        for name, one in zip(ARTEFACTS, measured, strict=True)
    }
    return {"created": measured[0].created, "device": measured[0].device.name, "series": series}


def main() -> None:
    """Measure the sessions one after the other and keep each as it is made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="a folder that fbdeploy deploy wrote")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--into", type=Path)
    given = parser.parse_args()
    if given.into is None:
        print(json.dumps(measure(given.out)))
        return
    kept = json.loads(given.into.read_text(encoding="utf-8")) if given.into.exists() else []
    for number in range(given.sessions):
        command = [sys.executable, __file__, str(given.out)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        kept.append(json.loads(done.stdout.splitlines()[-1]))
        given.into.write_text(json.dumps(kept) + "\n", encoding="utf-8")
        print(f"session {number + 1} of {given.sessions}", file=sys.stderr)


if __name__ == "__main__":
    main()
