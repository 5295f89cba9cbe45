"""A/A: the same artefact twice, by the harness and by two ways that others measure.

No difference is there, so every difference that is called is a false alarm; 5 of 100 are allowed.

* ``interleaved``: ``runtime_bench.timing.protocol.benchmark`` and ``ratio``, called by its 95 %
  interval: both are loaded in 8 processes, so that a lucky load is no difference;
* ``averaged``: as onnxruntime_perf_test and benchmark_model do: warm-up, then N runs of one in a
  row, then N of the other; the means are compared, called by Welch's t-test at 5 %;
* ``torch``: ``torch.utils.benchmark.Timer.blocked_autorange`` of one, then the other; medians are
  compared, called where their interquartile ranges do not meet.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import stats
from torch.utils.benchmark import Timer

from benchmarks.harness.document import Document
from runtime_bench.runtimes import runtime_of
from runtime_bench.runtimes.base import FloatArray, Session
from runtime_bench.runtimes.outputs import noise_images
from runtime_bench.timing.in_process import SessionContestant
from runtime_bench.timing.modes import Mode
from runtime_bench.timing.protocol import benchmark
from runtime_bench.timing.ratio import ratio
from runtime_bench.timing.session import Subject

ARTEFACTS = ("int8/model.tflite", "fp32/model.onnx")
REPEATS = 100
# Short, since it is the rate over many that counts; the statistics are those of all modes. Its
# least time is also its most: how narrow the median's interval is says nothing about the loads.
MODE = Mode("aa", 60, 0.15, 0.15, 0.02, loads=1, warmup_seconds=0.3, block_seconds=0.01)
WARMUP_RUNS = 20
SECONDS = 0.15  # of measuring one artefact in the other two ways: as long as ours at least
Compared = tuple[float, bool]  # ratio of the two, and whether a difference was called


def interleaved(path: Path) -> Compared:
    """Ours: both in one run, load by load."""
    first, second = benchmark([Subject(path), Subject(path)], threads=1, mode=MODE)
    found = ratio(first, second)
    return found.ratio, found.different


def averaged(path: Path) -> Compared:
    """One after the other, means."""
    sides = []
    for _ in range(2):
        contestant = SessionContestant(runtime_of(path).load(path, 1))
        median = float(np.median(contestant.run_block(WARMUP_RUNS)))
        sides.append(contestant.run_block(max(50, round(SECONDS * 1e9 / median))))
    p_value = float(stats.ttest_ind(sides[0], sides[1], equal_var=False).pvalue)
    return float(np.mean(sides[0]) / np.mean(sides[1])), p_value < 0.05


def torch_timer(path: Path) -> Compared:
    """One after the other, torch's own tool."""
    images = noise_images(path, 1)
    first, second = (
        timer(runtime_of(path).load(path, 1), images).blocked_autorange(min_run_time=SECONDS)
        for _ in range(2)
    )
    low, high = sorted((first, second), key=lambda one: one.median)
    apart = np.percentile(low.times, 75) < np.percentile(high.times, 25)
    return first.median / second.median, bool(apart)


def timer(session: Session, images: FloatArray) -> Timer:
    """torch's timer of one run."""
    return Timer("run(images)", globals={"run": session.run, "images": images}, num_threads=1)


WAYS: dict[str, Callable[[Path], Compared]] = {
    "interleaved": interleaved,
    "averaged": averaged,
    "torch": torch_timer,
}


def run(folder: Path, document: Document) -> None:
    """Repeat every way on every artefact, in turn, so that all see the same machine."""
    for repeat in range(REPEATS):
        for artefact in ARTEFACTS:
            for name, compare in WAYS.items():
                if document.count(artefact=artefact, way=name) > repeat:
                    continue
                found, called = compare(folder / artefact)
                document.add(artefact=artefact, way=name, ratio=found, called=called)
