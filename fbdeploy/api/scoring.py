"""Artefacts from anywhere on images of the user's, each in its own runtime and process."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from export.format_info import CLASSES, OutputForm
from fbdeploy.api.foreign import answers_as_told, classifier_of, input_spec, maps_of
from fbdeploy.api.watching import Counting, Told
from fbdeploy.pipeline.request import InputOptions
from fbdeploy.pipeline.steps.images import answer_bytes, at_once, note_skipped
from fbdeploy.records.manifest import FILE_NAME, Manifest
from fbdeploy.records.own_words import OwnWords, own_words
from zoo.datasets import WHOLE, Dataset, FolderDataset, Part
from zoo.errors import shown
from zoo.input_spec import InputSpec
from zoo.outputs import TaskName

if TYPE_CHECKING:
    from runtime_bench.accuracy import Evaluation
    from runtime_bench.runtimes.base import Answering
    from runtime_bench.runtimes.guest import GuestSession

SHOWN = 4
"""Classes that a line lists."""


@dataclass(frozen=True)
class Asked:
    """An artefact, and the manifest beside it."""

    path: Path
    manifest: Manifest | None


@dataclass(frozen=True)
class _Opened:
    """An open artefact, how images become its input and its targets, and what its outputs for one
    image take."""

    asked: Asked
    session: Answering
    spec: InputSpec
    labels: tuple[str, ...]
    num_classes: int
    task: TaskName
    output_bytes: int


@dataclass(frozen=True)
class Scoring:
    """How artefacts are scored: on at most ``limit`` images of ``data``, which ``input`` tells how
    to pre-process, of several outputs by that called ``logits``; ``told`` gets lines for the user,
    and ``counting`` shows how far it is."""

    data: str
    limit: int | None
    threads: int
    input: InputOptions
    logits: str | None
    skip_bad_images: bool
    told: Told
    counting: Counting


@dataclass(frozen=True)
class Together:
    """Open artefacts that take the same images, and these; ``order`` has their places among all
    that were asked for."""

    order: tuple[int, ...]
    opened: tuple[_Opened, ...]
    dataset: Dataset

    @property
    def task(self) -> TaskName:
        """What they are for."""
        return self.opened[0].task

    def score(self, how: Scoring, part: Part = WHOLE) -> list[Evaluation]:
        """All of them on a part of the images; none where nothing is in it that can be read.

        Raises:
            InputError: an image cannot be read, or an artefact does not answer.
        """
        from runtime_bench.accuracy import evaluate_together
        from tasks.table import task_named
        from zoo.datasets import batches

        first = self.opened[0]
        size = at_once(first.output_bytes)
        found = batches(self.dataset, first.spec, size, how.limit, part=part)
        start = list(islice(found, 1))
        if not start and part != WHOLE:
            return []
        total = len(self.dataset) if how.limit is None else min(how.limit, len(self.dataset))
        title = ", ".join(str(one.asked.path) for one in self.opened)
        with how.counting(title, total) as counter:
            return evaluate_together(
                [one.session for one in self.opened],
                chain(start, found),
                counter.advance,
                task_named(self.task),
            )


def score(asked: Sequence[Asked], how: Scoring) -> list[Evaluation]:
    """All artefacts on the images, which are read once where they are the same for all.

    Raises:
        InputError: an artefact or the images cannot be had, or do not fit each other.
    """
    found: dict[int, Evaluation] = {}
    with opened_together(asked, how) as groups:
        for group in groups:
            found.update(zip(group.order, group.score(how), strict=True))
            note_skipped(group.dataset.skipped, how.told)
    return [found[number] for number in range(len(asked))]


@contextmanager
def opened_together(asked: Sequence[Asked], how: Scoring) -> Iterator[list[Together]]:
    """Artefacts, each in a process of its own, with the images that they take.

    Raises:
        InputError: an artefact or the images cannot be had, or do not fit each other.
    """
    from runtime_bench.runtimes.guest import guest_session

    with ExitStack() as stack:
        opened = []
        for given in asked:
            session = stack.enter_context(guest_session(given.path, how.threads, how.input.size))
            opened.append(_open(given, session, how))
        groups: list[list[int]] = []
        for number, one in enumerate(opened):
            alike = next((g for g in groups if _takes_the_same(one, opened[g[0]])), None)
            if alike is None:
                groups.append([number])
            else:
                alike.append(number)
        yield [
            Together(tuple(g), tuple(opened[n] for n in g), _images_of(opened[g[0]], how))
            for g in groups
        ]


def _open(asked: Asked, session: GuestSession, how: Scoring) -> _Opened:
    from runtime_bench.runtimes.class_maps import for_logits, gives_classes

    manifest = asked.manifest
    words = own_words(session.properties) if manifest is None else None
    known = words.input if words is not None else None
    if manifest is not None:
        known = manifest.input_spec
    spec = input_spec(asked.path, session, known, how)
    if manifest is not None and how.logits is None:
        network = manifest.network
        size = 4 * sum(math.prod(output.shape) for output in network.outputs)
        labels, classes = manifest.labels, network.num_classes
        size = answer_bytes(_output_of(asked.path, manifest), size, classes, spec)
        answering = for_logits(session, session, classes)
        return _Opened(asked, answering, spec, labels, classes, network.task, size)
    if gives_classes(session) and words is not None and words.task == "segmentation":
        _say_own_words(asked, words, how.told)
        classes = len(words.labels)
        size = answer_bytes(CLASSES, 0, classes, spec)
        answering = for_logits(session, session, classes)
        return _Opened(asked, answering, spec, words.labels, classes, words.task, size)
    outputs = session.run(np.zeros(spec.shape, np.float32))
    if words is not None and how.logits is None and answers_as_told(words, outputs, spec):
        _say_own_words(asked, words, how.told)
        size = sum(value.nbytes for value in outputs.values())
        classes = len(words.labels)
        return _Opened(asked, session, spec, words.labels, classes, words.task, size)
    maps = maps_of(outputs, spec) if how.logits is None else None
    if maps is not None:
        labels = tuple(str(index) for index in range(maps.shape[1]))
        return _Opened(asked, session, spec, labels, len(labels), "segmentation", maps.nbytes)
    classifier = classifier_of(asked.path, session, outputs, how.logits, how.told)
    labels = tuple(str(index) for index in range(classifier.classes))
    if manifest is not None and len(manifest.labels) == len(labels):
        labels = manifest.labels
    return _Opened(asked, classifier, spec, labels, len(labels), "classification", 4 * len(labels))


def _output_of(path: Path, manifest: Manifest) -> OutputForm:
    """What the artefact at ``path``, beside whose folder ``manifest`` lies, gives."""
    inside = (path.parent.name, path.name)
    entries = (entry for entry in manifest.artefacts if Path(entry.path).parts[-2:] == inside)
    return next((entry.output for entry in entries), "raw")


def _say_own_words(asked: Asked, words: OwnWords, told: Told) -> None:
    told(f"{asked.path}: is {words.network}, by its own words; so are its input and classes")


def _takes_the_same(one: _Opened, other: _Opened) -> bool:
    """Whether images and targets are the same for both."""
    return (one.spec, one.labels, one.num_classes, one.task) == (
        *(other.spec, other.labels, other.num_classes, other.task),
    )


def _images_of(one: _Opened, how: Scoring) -> Dataset:
    """The images that an artefact is scored on."""
    from zoo.datasets import open_scored

    dataset = open_scored(
        one.task,
        how.data,
        num_classes=one.num_classes,
        network_labels=one.labels,
        skip_bad_images=how.skip_bad_images,
    )
    told = any(not label.isdecimal() for label in one.labels)
    if one.asked.manifest is None and not told and isinstance(dataset, FolderDataset):
        _say_order(one.asked.path, dataset.labels(), how.told)
    return dataset


def _say_order(artefact: Path, folders: Sequence[str], told: Told) -> None:
    """Say that class folders were taken in sorted order, if nothing else tells what they are."""
    from zoo.datasets.classes import tell_classes

    if folders and not tell_classes(folders, len(folders)):
        order = ", ".join(f"{index} is {shown(name)}" for index, name in enumerate(folders[:SHOWN]))
        more = ", ..." if len(folders) > SHOWN else ""
        told(
            f"{artefact}: has no {FILE_NAME} with its labels, so class folders are taken in sorted "
            f"order: {order}{more}; if its classes have another order, name the folders by index"
        )
