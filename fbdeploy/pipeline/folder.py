"""The output folder and its one owner: what is in it, what is added, and what has to go."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from export.format_info import FORMAT_INFO
from fbdeploy.pipeline.lock import FILE_NAME as LOCK
from fbdeploy.pipeline.lock import locked
from fbdeploy.pipeline.work import WorkFolder
from fbdeploy.records.builds import BUILDS, ProgramName
from fbdeploy.records.bundle_schema import CONFIG_NAME, FOLDER_NAME
from fbdeploy.records.fidelity import FloatCheck
from fbdeploy.records.manifest import (
    FILE_NAME,
    Artefact,
    DatasetInfo,
    Manifest,
    Quantization,
    now,
    read_manifest,
    write_manifest,
)
from fbdeploy.records.predictions import remove_unused
from fbdeploy.records.results import EvaluationLine, Line, append_line, read_lines
from runtime_bench.measurement import Measurement
from zoo.errors import InputError
from zoo.files import exists, inside, sha256_of


@contextmanager
def held(path: Path) -> Iterator[Manifest | None]:
    """Hold the folder for this process; yields the manifest of an earlier run, if there is one.

    A folder in which bad input let nothing be finished is left as it was found.

    Raises:
        InputError: it cannot be made or written, is held by another process, or has a manifest that
            cannot be read.
    """
    existed = exists(path)
    with locked(path):
        try:
            yield read_manifest(path) if (path / FILE_NAME).exists() else None
        except InputError:
            if not (path / FILE_NAME).exists():
                shutil.rmtree(WorkFolder.of(path).path, ignore_errors=True)
                (path / LOCK).unlink(missing_ok=True)
                if not existed:
                    with suppress(OSError):  # someone else has put something there meanwhile
                        path.rmdir()
            raise


def keep_current(
    path: Path, found: Iterable[Artefact], is_current: Callable[[Artefact], bool]
) -> tuple[Artefact, ...]:
    """The artefacts an earlier run left in ``path`` that are current and intact; the rest goes."""
    kept = []
    for entry in found:
        if is_current(entry) and _intact(path, entry):
            kept.append(entry)
        else:
            _remove(path, entry)
    return tuple(kept)


class OutputFolder:
    """A held folder with a manifest. Whatever is added is on the disk when the call returns."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        self.work = WorkFolder.of(path)
        self._lines = read_lines(path)
        write_manifest(path, manifest)

    @property
    def lines(self) -> list[Line]:
        """All measurements, in the order they were made."""
        return list(self._lines)

    @property
    def evaluations(self) -> list[EvaluationLine]:
        """Of those, the accuracies."""
        return [line for line in self._lines if isinstance(line, EvaluationLine)]

    @property
    def latencies(self) -> list[Measurement]:
        """Of those, the times."""
        return [line for line in self._lines if isinstance(line, Measurement)]

    @property
    def has_bundle(self) -> bool:
        """Whether there is something where the demo bundle belongs."""
        return (self.path / FOLDER_NAME).exists()

    def has(self, key: str) -> bool:
        """Whether there is an artefact made from what ``key`` stands for."""
        return self.manifest.artefact(key) is not None

    def add_line(self, line: Line) -> None:
        """Add a measurement."""
        append_line(self.path, line)
        self._lines.append(line)

    def add_artefacts(self, made: Iterable[Artefact]) -> None:
        """Add artefacts, or put them in the place of those with their paths."""
        new = tuple(made)
        replaced = {entry.path for entry in new}
        others = (entry for entry in self.manifest.artefacts if entry.path not in replaced)
        _drop_bundle(self.path)
        self.update(artefacts=tuple(sorted((*others, *new), key=_order)))

    def set_program(self, name: ProgramName, program: Quantization) -> None:
        """Note what an int8 program is from now on."""
        self.update(quantizations={**self.manifest.quantizations, name: program})

    def set_float_check(self, found: FloatCheck) -> None:
        """Note the verdict on the float network."""
        self.update(float_check=found)

    def update(self, **changes: object) -> None:
        """Change fields of the manifest."""
        self.manifest = self.manifest.model_copy(update={**changes, "updated": now()})
        write_manifest(self.path, self.manifest)

    def prune(self, network_key: str, checks: DatasetInfo) -> None:
        """Remove what nothing in the folder names any more; artefacts are checked on ``checks``.

        Predictions and what is kept to make them stay for artefacts that are here, on images that
        have not changed since.
        """
        made = {entry.sha256 for entry in self.manifest.artefacts}
        newest = {
            (line.sha256, line.dataset.name, line.dataset.images): line
            for line in self.evaluations
            if line.sha256 in made
        }
        remove_unused(self.path, (line.predictions for line in newest.values()))
        data = {checks.identity, *(line.dataset.identity for line in newest.values())}
        self.work.prune(network_key, data, self.manifest.quantizations)


def _intact(folder: Path, entry: Artefact) -> bool:
    path = inside(folder, entry.path)
    return path.exists() and sha256_of(path) == entry.sha256


def _remove(folder: Path, entry: Artefact) -> None:
    """Remove an artefact of other inputs; a file that was changed since is left alone."""
    _drop_bundle(folder)
    path = inside(folder, entry.path)
    if _intact(folder, entry):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _drop_bundle(folder: Path) -> None:
    """A bundle of other artefacts than the folder's is worse than none."""
    if (folder / FOLDER_NAME / CONFIG_NAME).is_file():
        shutil.rmtree(folder / FOLDER_NAME, ignore_errors=True)


def _order(entry: Artefact) -> tuple[int, int, str]:
    """Formats and builds in the order in which they are declared."""
    return (
        list(FORMAT_INFO).index(entry.format),
        BUILDS.index(entry.build),
        entry.variant,
    )
