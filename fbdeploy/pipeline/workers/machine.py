"""What of this machine is free for workers, and the environment that suits a job on it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fbdeploy.pipeline.workers.jobs import Job

MEMORY_LIMIT = 3_700_000_000
"""Resident bytes of all workers together: 4 GB less the front door's own process."""
ALLOCATOR = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(4 << 30),
}
"""glibc's malloc (mallopt(3)) for workers that compute and are not timed: huge pages, and memory
that was freed stays in the process. Quantizing fbnetv3_b spends 12 of 122 s in the kernel with it,
24 of 141 s without. 32 MB is the most that glibc takes as a threshold."""
SPINS = 10_000
"""Turns that a thread of libgomp waits awake for the others where a job has the machine to itself.
A range search takes 10 s with it, 15 s by the default (300,000), 25 s asleep at once; beside a busy
loop on one of two cores 32, 39 and 18 s."""
IDLE_SHARE = 0.3
"""A job has the machine to itself if less of the processors' time is used: one busy loop on two
cores is half."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def worker_environment(job: Job, threads: int) -> dict[str, str]:
    """This process's variables, with those that ``job`` does best with on so many threads."""
    environment = dict(os.environ)
    environment.update({name: str(threads) for name in THREAD_VARIABLES})
    if job.timed:
        return environment
    return ALLOCATOR | environment | _waiting(job)


def busy_share(seconds: float = 0.2) -> float:
    """Share of the processors' time that is used over so long, 0..1.

    The kernel's load average still counts what ended a minute ago, such as an installation.
    """

    def ticks() -> tuple[int, int]:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        counts = [int(field) for field in fields[:8]]  # guests' time is in the first two
        return sum(counts), counts[3] + counts[4]

    try:
        before, waited = ticks()
        time.sleep(seconds)
        after, since = ticks()
    except (OSError, ValueError, IndexError):  # no Linux
        return min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    return 1 - (since - waited) / max(1, after - before)


def available_memory() -> int:
    """Bytes that programs can get without swapping, as the kernel estimates; MEMORY_LIMIT if it
    does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return MEMORY_LIMIT
    for line in text.splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return MEMORY_LIMIT


def _waiting(job: Job) -> dict[str, str]:
    """How OpenMP's threads wait for each other."""
    if job.exclusive and busy_share() < IDLE_SHARE:
        return {"GOMP_SPINCOUNT": str(SPINS)}
    return {"OMP_WAIT_POLICY": "PASSIVE"}
