"""Scoring in parts, by two jobs at once: the same bits as in one piece, and nothing twice."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fbdeploy.api.evaluate import Evaluated, evaluated
from fbdeploy.api.scoring_parts import PARTS, PartsArguments, name_of
from fbdeploy.pipeline.deploy import on_this_machine
from fbdeploy.pipeline.request import InputOptions
from fbdeploy.pipeline.running import PipelineError
from fbdeploy.pipeline.spread import Spread
from fbdeploy.pipeline.workers.jobs import Event, Job, Progress, Reporter
from fbdeploy.pipeline.workers.runner import Place, Slots
from tests.fbdeploy.linear import CLASSES, SIDE, linear_classifier
from zoo.errors import InputError

IMAGES = 140


def dies(report: Reporter, asked: PartsArguments) -> None:
    """What a worker does whose runtime crashes."""
    os.abort()


class Watching:
    """An observer that keeps the notes and the parts that are asked for, and can end it all when a
    part of the work is done."""

    def __init__(self, ends_at: float = 2.0) -> None:
        self.notes: list[str] = []
        self.parts: set[str] = set()
        self._ends_at = ends_at

    def started(self, job: Job) -> None:
        self.parts |= {name_of(number) for number in job.arguments["parts"]}

    def event(self, job: Job, event: Event) -> None:
        if isinstance(event, Progress) and event.done >= self._ends_at:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Two artefacts and images of three classes, two of which cannot be read."""
    folder = tmp_path_factory.mktemp("parts")
    rng = np.random.default_rng(0)
    for index in range(IMAGES):
        place = folder / "data" / str(index % CLASSES) / f"{index:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(pixels).save(place)
        if index in (5, 77):
            place.write_bytes(b"no image")
    first, second = (linear_classifier(folder / f"{s}" / "fp32" / "model.onnx", s) for s in (1, 2))
    return first, second, folder / "data"


def _evaluated(
    given: tuple[Path, Path, Path], watching: Watching, *, in_parts: bool, bad: bool = True
) -> Evaluated:
    first, second, data = given
    place = Place(on_this_machine, slots=lambda threads: Slots(2))
    return evaluated(
        first,
        str(data),
        second,
        images=None,
        threads=1,
        logits=None,
        input=InputOptions(mean=(0.5,) * 3, std=(0.25,) * 3, crop_pct=1),
        skip_bad_images=bad,
        told=watching.note,
        spread=Spread(place, watching) if in_parts else None,
    )


def test_parts_make_the_same_bits(
    given: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off after the first part, it goes on; images that cannot be read are told once."""
    monkeypatch.setenv("FBDEPLOY_CACHE", str(tmp_path))
    here, cut, there = Watching(), Watching(ends_at=0.3), Watching()
    whole = _evaluated(given, here, in_parts=False)
    with pytest.raises(KeyboardInterrupt):
        _evaluated(given, cut, in_parts=True)
    finished = {path.name for path in (tmp_path / "parts").glob("*/part-*")}
    parts = _evaluated(given, there, in_parts=True)
    assert finished and not finished & there.parts
    assert finished <= cut.parts and len(finished | there.parts) == PARTS
    assert parts.document == whole.document
    ours, theirs = parts.evaluation, whole.evaluation
    assert ours.logits.tobytes() == theirs.logits.tobytes()
    assert (ours.predictions, ours.targets, ours.names) == (
        *(theirs.predictions, theirs.targets, theirs.names),
    )
    assert parts.agreement == whole.agreement
    (skipped,) = [line for line in here.notes if "left out" in line]
    assert there.notes.count(skipped) == 1 and "2 unreadable" in skipped
    assert list((tmp_path / "parts").iterdir()) == [], "what is done is not kept"


def test_what_is_wrong_in_a_part_is_one_line(
    given: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image as on one machine; a worker that dies, by its log."""
    monkeypatch.setenv("FBDEPLOY_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"one of 2 such in .*--skip-bad-images"):
        _evaluated(given, Watching(), in_parts=True, bad=False)
    monkeypatch.setattr("fbdeploy.api.scoring_parts.score_parts", dies)
    with pytest.raises(PipelineError, match=r"SIGABRT.*evaluate-\d\.log"):
        _evaluated(given, Watching(), in_parts=True)
