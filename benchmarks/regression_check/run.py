"""How often the regression check catches what was planted, and how often it is wrong.

python -m benchmarks.regression_check.run [--repetitions 1000]

Draws what a check sees (images that changed, by class; sessions of real latencies) and gives it to
the functions that `fbdeploy check` decides with. Writes results.json and the tables of README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.regression_check.rows import AccuracyRow, LatencyRow
from benchmarks.regression_check.tables import with_tables
from fbdeploy.check.decide import Hypothesis, decide, detectable_drop
from fbdeploy.check.paired import class_test, paired_hypothesis
from fbdeploy.check.rules import Rules, load_rules
from fbdeploy.check.timing import Timing, compare_timings, reduce_samples
from stats.proportions import wilson_interval

HERE = Path(__file__).parent
IMAGES = 10_000
TOP1 = 0.75
FLIPS = (0.0, 0.007, 0.02, 0.05, 0.10)
ARTEFACTS = (1, 5, 10)
PLANTED = 0.01
SLOWDOWNS = (1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5)
SESSIONS = json.loads((HERE / "latency_sessions.json").read_text(encoding="utf-8"))
SERIES = tuple(SESSIONS[0]["series"])


def timings(
    repetitions: int, slowdown: float, generator: np.random.Generator, rules: Rules
) -> list[list[Timing]]:
    """For every repetition two sessions of real noise, in the second of which the first is slower.

    Two different sessions are drawn, and rounds within each (with replacement). What the protocol
    found disturbed stays with its series.
    """
    found = []
    for _ in range(repetitions):
        pair = generator.choice(len(SESSIONS), 2, replace=False)
        # A slow artefact may be any of them; the order within a session has no meaning.
        order = generator.permutation(len(SERIES))
        one = []
        for place, index in enumerate(order):
            sides = []
            for session in pair:
                series = SESSIONS[session]["series"][SERIES[index]]
                rounds = np.asarray(series["rounds_ns"], float)
                drawn = generator.choice(rounds, rounds.size)
                noise = ("disturbed",) if series["noisy"] else ()
                sides.append((drawn, noise))
            factor = slowdown if place == 0 else 1.0
            (then, noise_then), (now, noise_now) = sides
            one.append(
                compare_timings(
                    reduce_samples(then, 1),
                    reduce_samples(now * factor, 1),
                    noise_then,
                    noise_now,
                    rules,
                )
            )
        found.append(one)
    return found


def latency_row(slowdown: float, pool: Sequence[Sequence[Timing]], rules: Rules) -> LatencyRow:
    """The verdicts on sessions as ``timings`` draws them."""
    caught = noisy = alarms = 0
    for session in pool:
        kept = [timing for timing in session if not timing.noise]
        decisions = decide([timing.hypothesis for timing in kept], rules)
        called = {id(t) for t, d in zip(kept, decisions, strict=True) if d.regressed}
        caught += id(session[0]) in called
        noisy += bool(session[0].noise)
        alarms += any(id(timing) in called for timing in session[1 if slowdown > 1 else 0 :])
    count = len(pool)
    return LatencyRow(
        slowdown=slowdown,
        repetitions=count,
        caught=caught / count if slowdown > 1 else 0.0,
        noisy=noisy / count,
        alarms=alarms / count,
        alarms_interval=wilson_interval(alarms, count),
    )


def draw(
    generator: np.random.Generator, shape: tuple[int, ...], images: int, flips: float, drop: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Images of a class that became wrong and right: ``flips`` / 2 of all each, and ``drop`` more.

    A drop comes on top of the flips, as an error in a network that is noisy anyway.
    """
    right = round(TOP1 * images)
    worse = generator.binomial(right, (flips / 2 + drop) * images / right, shape)
    better = generator.binomial(images - right, flips / 2 * images / (images - right), shape)
    return worse, better


def accuracy_row(
    flips: float,
    artefacts: int,
    classes: int,
    drop: float,
    dropped: int,
    pool: Sequence[Sequence[Timing]],
    generator: np.random.Generator,
    rules: Rules,
) -> AccuracyRow:
    """Checks of whole output folders; the top-1 of the first ``dropped`` artefacts falls.

    Their agreement with float does not, so that accuracy alone can catch it; all artefacts flip
    independently, which is the worst for a family of tests.
    """
    start = time.monotonic()
    repetitions, each = len(pool), IMAGES // classes
    shape = (repetitions, artefacts, classes)
    worse, better = draw(generator, shape, each, flips, 0.0)
    fallen = draw(generator, (repetitions, dropped, classes), each, flips, drop)
    worse[:, :dropped], better[:, :dropped] = fallen
    lost, won = draw(generator, shape[:2], IMAGES, flips, 0.0)
    per_class = np.full(classes, each)
    caught = alarms = 0
    for repetition in range(repetitions):
        hypotheses: list[Hypothesis] = []
        owners: list[int] = []
        for artefact in range(artefacts):
            down, up = worse[repetition, artefact], better[repetition, artefact]
            hypotheses += (
                paired_hypothesis(
                    "accuracy", int(down.sum()), int(up.sum()), IMAGES, rules.max_drop / 100
                ),
                paired_hypothesis(
                    "agreement",
                    int(lost[repetition, artefact]),
                    int(won[repetition, artefact]),
                    IMAGES,
                    rules.max_agreement_drop / 100,
                ),
                class_test(down, up, per_class, rules).hypothesis,
            )
            owners += [artefact] * 3
        quiet = [timing.hypothesis for timing in pool[repetition][:artefacts] if not timing.noise]
        hypotheses += quiet
        owners += [-1] * len(quiet)
        decisions = decide(hypotheses, rules)
        called = {owner for owner, d in zip(owners, decisions, strict=True) if d.regressed}
        planted = set(range(dropped))
        caught += bool(called & planted)
        alarms += bool(called - planted)
    return AccuracyRow(
        flips=flips,
        artefacts=artefacts,
        dropped=dropped,
        classes=classes,
        drop=drop,
        repetitions=repetitions,
        caught=caught / repetitions,
        alarms=alarms / repetitions,
        alarms_interval=wilson_interval(alarms, repetitions),
        seconds=round(time.monotonic() - start, 2),
    )


def promised_drop(flips: float, artefacts: int, rules: Rules) -> float:
    """What the check says that it shows 95 times in 100, at the flips of a null setting."""
    flipped = round(flips * IMAGES)
    tests: list[Hypothesis] = []
    for _ in range(artefacts):
        tests += [Hypothesis(m, 1.0, 0.0, False) for m in ("accuracy", "agreement", "classes")]
    tests += [Hypothesis("latency", 1.0, 0.0, False)] * min(artefacts, len(SERIES))
    return detectable_drop(flipped, IMAGES, decide(tests, rules)[0].level, rules.max_drop / 100)


def most_flips(artefacts: int, rules: Rules) -> float:
    """The share of flips up to which one point of one artefact is promised to be caught."""
    steps = np.arange(0.0, 0.2, 0.0005)
    return float(max(f for f in steps if promised_drop(f, artefacts, rules) <= PLANTED))


def main() -> None:
    """Simulate all settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    count = parser.parse_args().repetitions
    start, rules = time.monotonic(), load_rules()
    generator = np.random.default_rng(20261122)
    pools = {factor: timings(count, factor, generator, rules) for factor in SLOWDOWNS}
    latency = [latency_row(factor, pool, rules) for factor, pool in pools.items()]
    settings = [(f, a, 10, 0.0, 0) for a in ARTEFACTS for f in FLIPS]
    settings += [(f, 10, 1000, 0.0, 0) for f in FLIPS[1:]]
    settings += [(f, a, 10, PLANTED, 1) for a in ARTEFACTS for f in FLIPS]
    settings += [(f, 10, 10, PLANTED, 5) for f in FLIPS[1:]]
    settings += [(f, 10, 1000, PLANTED, 1) for f in FLIPS[1:]]
    settings += [(f, a, 10, promised_drop(f, a, rules), 1) for a in (1, 10) for f in FLIPS[1:]]
    accuracy = []
    for flips, artefacts, classes, drop, dropped in settings:
        row = accuracy_row(flips, artefacts, classes, drop, dropped, pools[1.0], generator, rules)
        accuracy.append(row)
        print(row, file=sys.stderr)
    document = {
        "images": IMAGES,
        "rules": rules.model_dump(mode="json"),
        "sessions": len(SESSIONS),
        "seconds": round(time.monotonic() - start, 1),
        "flips_up_to_which_a_point_is_caught": {
            str(artefacts): round(most_flips(artefacts, rules), 4) for artefacts in ARTEFACTS
        },
        "accuracy": [asdict(row) for row in accuracy],
        "latency": [asdict(row) for row in latency],
    }
    (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(with_tables(text, accuracy, latency), encoding="utf-8")


if __name__ == "__main__":
    main()
