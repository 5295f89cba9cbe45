"""``python -m tests.fbdeploy.cluster.stubborn PLAN FOLDER``: a client that makes what is not made.

It says on stdout which jobs began, by their processes, and what is made, once that is on its disk.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fbdeploy.cluster.connection import joined
from fbdeploy.cluster.lost import ClusterLost
from fbdeploy.cluster.plan import read_plan
from fbdeploy.pipeline.workers.jobs import Event, Job, Result
from tests.fbdeploy.cluster.listening import Heard, job, run
from zoo.errors import InputError

JOBS, SECONDS = 14, 1.5


def names() -> list[str]:
    """What there is to make."""
    return [f"n{number}" for number in range(JOBS)]


def tell(one: Job, event: Event) -> None:
    """Say what was handed over."""
    if isinstance(event, Result):
        what = event.value.get("key") or event.value["pid"]
        print(event.kind, what, flush=True)


def main(plan: str, folder: str) -> int:
    """0 if everything is made, 1 if something is in the way."""
    out = Path(folder)
    left = [name for name in names() if not (out / "made" / name).exists()]
    jobs = [job("slow", out, name, arguments={"name": name, "seconds": SECONDS}) for name in left]
    try:
        with joined(read_plan(Path(plan)), 30) as cluster:
            outcome = run(cluster, out, jobs, Heard(react=tell))
    except (ClusterLost, InputError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if len(outcome.ended) == len(jobs) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
