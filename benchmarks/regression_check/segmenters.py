"""How often the check catches a drop of mean IoU, and how often it is wrong about it.

python -m benchmarks.regression_check.segmenters [--repetitions 200]

Draws numbers of pixels, as a baseline keeps them of each image, before and after, and gives them to
the functions that `fbdeploy check` decides with. Writes segmenters.json and a table of README.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.regression_check.rows import MiouRow
from benchmarks.regression_check.run import timings
from benchmarks.regression_check.tables import miou_table, with_table
from fbdeploy.check.decide import Hypothesis, decide
from fbdeploy.check.resampled import ResampledChange, resampled_change
from fbdeploy.check.rules import Rules, load_rules
from fbdeploy.check.timing import Timing
from stats.class_overlap import ClassOverlap, Counts
from stats.proportions import wilson_interval
from tasks.base import PerImage
from tasks.segmentation.metrics import MIOU, PIXEL_AGREEMENT
from tasks.segmentation.overlap import MeanIou

HERE = Path(__file__).parent
IMAGES, PIXELS, CLASSES = 500, 10_000, 10
FEW_CLASSES = 0.3
"""Parameter of the Dirichlet distribution of an image's classes: two or three fill most of it."""
RIGHT = (10.0, 1.8)
"""Beta parameters of an image's share of right pixels: 85 % in the mean, below 70 % in a tenth."""
FLIPPED = (0.6, 1.4)
"""Beta parameters of the share of an image's pixels, as many as are wrong, that become wrong, and
right, between two runs: 30 % in the mean, hardly any in some images and nearly all in others."""
LOST = (0.008, 0.01, 0.012, 0.014, 0.016, 0.02)
"""Shares of the right pixels that a planted error makes wrong besides."""
MOST_ARTEFACTS = 5


@dataclass(frozen=True)
class Repetition:
    """Artefacts of one check that did not change: of each what is decided on mean IoU and on
    agreement with float; and mean IoU of the first with planted errors, by ``LOST``."""

    unchanged: Sequence[tuple[Hypothesis, Hypothesis]]
    fallen: Sequence[ResampledChange]


def predicted(target: Counts, both: Counts) -> MeanIou:
    """A segmenter that takes each class's wrong pixels for the next class."""
    return MeanIou(ClassOverlap(target, both + np.roll(target - both, 1, axis=1), both))


def flipped(generator: np.random.Generator, target: Counts, both: Counts, lost: float) -> Counts:
    """The right pixels after a run in which as many flip either way, all pixels of an image with
    one rate, and a share ``lost`` of the right ones besides."""
    right, wrong = both.sum(1, keepdims=True), (target - both).sum(1, keepdims=True)
    turned = np.minimum(right, wrong)
    worse, better = generator.beta(*FLIPPED, (2, IMAGES, 1)) * turned
    away = generator.binomial(both, np.minimum(1, worse / np.maximum(right, 1) + lost))
    back = generator.binomial(target - both, better / np.maximum(wrong, 1))
    return both - away + back


def repetition(
    generator: np.random.Generator, artefacts: int, lost: Sequence[float], rules: Rules
) -> Repetition:
    """One set of images, on which all artefacts flip independently."""
    shares = generator.dirichlet(np.full(CLASSES, FEW_CLASSES), IMAGES)
    target = generator.multinomial(PIXELS, shares)
    ease = generator.beta(*RIGHT, (IMAGES, 1))
    limit, alike_limit = rules.max_drop / 100, rules.max_agreement_drop / 100
    unchanged, fallen = [], []
    for artefact in range(artefacts):
        both = generator.binomial(target, ease)
        then = predicted(target, both)

        def change(share: float, both: Counts = both, then: MeanIou = then) -> ResampledChange:
            now = predicted(target, flipped(generator, target, both, share))
            return resampled_change("accuracy", MIOU, then, now, limit)

        alike = 1 - np.abs(0.4 * (1 - ease[:, 0]) + generator.normal(0, 0.02, (2, IMAGES)))
        agreement = resampled_change(
            "agreement", PIXEL_AGREEMENT, PerImage(alike[0]), PerImage(alike[1]), alike_limit
        )
        unchanged.append((change(0.0).hypothesis, agreement.hypothesis))
        if not artefact:
            fallen = [change(share) for share in lost]
    return Repetition(unchanged, fallen)


def row(
    drawn: Sequence[Repetition],
    pool: Sequence[Sequence[Timing]],
    artefacts: int,
    planted: int | None,
    rules: Rules,
) -> MiouRow:
    """Whole checks of so many artefacts; in the first, mean IoU fell by the planted error of that
    index, None: in none, and every so many of a repetition's artefacts are a check."""
    caught = alarms = 0
    last = MOST_ARTEFACTS if planted is None else artefacts
    checks = [
        (one, one.unchanged[start : start + artefacts], timed)
        for one, timed in zip(drawn, pool, strict=True)
        for start in range(0, min(last, len(one.unchanged)), artefacts)
    ]
    for one, some, timed in checks:
        hypotheses = [hypothesis for both in some for hypothesis in both]
        if planted is not None:
            hypotheses[0] = one.fallen[planted].hypothesis
        hypotheses += [timing.hypothesis for timing in timed[:artefacts] if not timing.noise]
        first, *others = (decision.regressed for decision in decide(hypotheses, rules))
        caught += first and planted is not None
        alarms += any(others) or (first and planted is None)
    changes = [] if planted is None else [one.fallen[planted].change for one in drawn]
    count = len(checks)
    return MiouRow(
        artefacts=artefacts,
        lost=0.0 if planted is None else LOST[planted],
        drop=-float(np.mean(changes)) if changes else 0.0,
        spread=float(np.std(changes)) if changes else 0.0,
        repetitions=count,
        caught=caught / count,
        alarms=alarms / count,
        alarms_interval=wilson_interval(alarms, count),
    )


def main() -> None:
    """Simulate all settings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    count = parser.parse_args().repetitions
    start, rules = time.process_time(), load_rules()
    generator = np.random.default_rng(20261130)
    pool = timings(count, 1.0, generator, rules)
    drawn = [repetition(generator, MOST_ARTEFACTS, LOST, rules) for _ in range(count)]
    rows = [
        row(drawn, pool, artefacts, planted, rules)
        for artefacts in (1, MOST_ARTEFACTS)
        for planted in (None, *range(len(LOST)))
    ]
    document = {
        "images": IMAGES,
        "rules": rules.model_dump(mode="json"),
        "processor_seconds": round(time.process_time() - start, 1),
        "rows": [asdict(row) for row in rows],
    }
    path = HERE / "segmenters.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(with_table(text, "miou", miou_table(rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
