"""Artefacts scored in parts of the images by several jobs, and put together again bit by bit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fbdeploy.api.scoring import Asked, Scoring, opened_together
from fbdeploy.api.watching import silent
from fbdeploy.pipeline.keys import key_of
from fbdeploy.pipeline.request import InputOptions
from fbdeploy.pipeline.space import MEGABYTE
from fbdeploy.pipeline.spread import Spread, code_identity, images_identity, kept_until_done
from fbdeploy.pipeline.steps.images import note_skipped
from fbdeploy.pipeline.workers.jobs import Job, Reporter
from fbdeploy.records.manifest import Manifest
from runtime_bench.runtimes.guest import UNCONFINED, confined
from zoo.datasets import Part
from zoo.documents import Schema
from zoo.errors import InputError
from zoo.files import atomic_folder, sha256_of

if TYPE_CHECKING:
    from runtime_bench.accuracy import Evaluation

PARTS = 64
"""However many hosts there are, so that what is finished counts when there are others."""
SKIPPED, ANSWERS = "skipped.json", ".npz"
HAND_OVER_SECONDS = 10.0
"""How often what is finished is handed over, which takes a few messages; no more is lost."""
MEMORY = 1200 * MEGABYTE
"""Expected peak of resident memory for each artefact."""


class ScoreRequest(Schema):
    """``Scoring`` of an artefact, and of a reference if there is one, for other processes."""

    artefact: str
    reference: str | None
    manifests: tuple[Manifest | None, ...]
    data: str
    limit: int | None
    threads: int
    input: InputOptions
    logits: str | None
    skip_bad_images: bool

    @classmethod
    def of(cls, asked: Sequence[Asked], how: Scoring) -> ScoreRequest:
        """What is asked for, in a form that can be sent."""
        artefact, *others = asked
        return cls(
            artefact=str(artefact.path),
            reference=str(others[0].path) if others else None,
            manifests=tuple(one.manifest for one in asked),
            data=how.data,
            limit=how.limit,
            threads=how.threads,
            input=how.input,
            logits=how.logits,
            skip_bad_images=how.skip_bad_images,
        )

    def asked(self) -> list[Asked]:
        """The artefacts."""
        paths = [self.artefact, *filter(None, [self.reference])]
        return [Asked(Path(path), known) for path, known in zip(paths, self.manifests, strict=True)]

    def how(self, report: Reporter) -> Scoring:
        """How they are scored in a worker."""
        return Scoring(
            data=self.data,
            limit=self.limit,
            threads=self.threads,
            input=self.input,
            logits=self.logits,
            skip_bad_images=self.skip_bad_images,
            told=report.note,
            counting=silent,
        )

    def key(self) -> str:
        """Identity of the answers."""
        return key_of(
            asked=self.model_dump(mode="json"),
            artefacts=[sha256_of(one.path) for one in self.asked()],
            data=images_identity(self.data),
            of=PARTS,
            by=code_identity(),
        )


class PartsArguments(Schema):
    """``parts``, of ``PARTS``, are to be in ``folder``."""

    folder: Path
    scoring: ScoreRequest
    parts: tuple[int, ...]


class PartsDone(Schema):
    """Parts are in the folder, the last of them by the name ``key``."""

    key: str


def score_in_parts(asked: Sequence[Asked], how: Scoring, spread: Spread) -> list[Evaluation]:
    """What ``scoring.score`` gives, by as many jobs as there is room for.

    Each job keeps its artefacts open and takes part after part; what is finished when this is
    ended is not made again by the same call.

    Raises:
        InputError: an artefact or the images cannot be had, or do not fit each other.
        PipelineError: a job crashed.
    """
    request = ScoreRequest.of(asked, how)
    with kept_until_done("evaluate", request.key()) as folder:
        left = [number for number in range(PARTS) if not (folder / name_of(number)).exists()]
        spread.run(folder, list(_jobs(folder, request, left, spread)))
        spread.tell_hosts(folder)
        _note_skipped(folder, how)
        return [_joined(folder, number, how.data) for number in range(len(asked))]


def _jobs(folder: Path, request: ScoreRequest, left: list[int], spread: Spread) -> Iterator[Job]:
    slots = spread.place.slots(request.threads)
    count = min(slots.count, len(left))
    for number in range(count):
        yield Job.calling(
            score_parts,
            PartsArguments(folder=folder, scoring=request, parts=tuple(left[number::count])),
            name=f"evaluate-{number + 1}",
            title=f"{request.artefact}, share {number + 1} of {count}",
            memory=MEMORY * len(request.manifests),
            exclusive=slots.exclusive,
            vital=True,
        )


def score_parts(report: Reporter, asked: PartsArguments) -> None:
    """Score the parts that are not there yet; tells now and then that there are
    ``PartsDone``."""
    from runtime_bench.accuracy import save_answers

    if not confined():
        report.note(UNCONFINED)
    request, how = asked.scoring, asked.scoring.how(report)
    told = time.monotonic()
    with opened_together(request.asked(), how) as groups:
        if any(group.task == "detection" for group in groups):
            raise InputError(f"{request.artefact}: detectors are scored on one machine only")
        for done, number in enumerate(asked.parts):
            report.progress("images", done / len(asked.parts))
            target = asked.folder / name_of(number)
            if target.exists():
                continue
            with atomic_folder(target, (SKIPPED,)) as temporary:
                temporary.mkdir(parents=True)
                skipped: dict[str, str] = {}
                for group in groups:
                    group.dataset.skipped.clear()
                    found = group.score(how, Part(number, PARTS))
                    for place, evaluation in zip(group.order, found, strict=bool(found)):
                        save_answers(evaluation, temporary / f"{place}{ANSWERS}")
                    skipped |= group.dataset.skipped
                own = Skipped(names=tuple(name.removeprefix(how.data) for name in skipped))
                (temporary / SKIPPED).write_text(own.model_dump_json(), encoding="utf-8")
            if time.monotonic() - told > HAND_OVER_SECONDS:
                report.result(PartsDone(key=target.name))
                told = time.monotonic()


class Skipped(Schema):
    """Images that could not be read, by their names below the folder."""

    names: tuple[str, ...]


def name_of(number: int) -> str:
    """What the folder of a part is called."""
    return f"part-{number:02}"


def _joined(folder: Path, artefact: int, data: str) -> Evaluation:
    from runtime_bench.accuracy import load_answers, merged

    files = [folder / name_of(number) / f"{artefact}{ANSWERS}" for number in range(PARTS)]
    parts = [load_answers(file) for file in files if file.exists()]
    if not parts:
        raise InputError(f"{data}: none of its images can be read; check the folder")
    return merged(parts)


def _note_skipped(folder: Path, how: Scoring) -> None:
    names = []
    for number in range(PARTS):
        text = (folder / name_of(number) / SKIPPED).read_text(encoding="utf-8")
        names += [how.data + name for name in Skipped.model_validate_json(text).names]
    note_skipped(names, how.told)
