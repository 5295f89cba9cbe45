"""The client's side of a job's files: what it reads, by content, and what it made, put in place."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fbdeploy.cluster.messages import LISTING, FileEntry, Input, Parcel
from fbdeploy.cluster.paths import output_of, outside
from fbdeploy.pipeline.keys import folder_identity
from fbdeploy.pipeline.lock import FILE_NAME as LOCK
from fbdeploy.pipeline.work import NAME as WORK
from fbdeploy.pipeline.workers.jobs import Job
from zoo.files import PARTIAL, inner_name, sha256_of

LOGS = "logs"
PROGRAM_STARTS = (b"\x7fELF", b"#!")
Stamp = tuple[int, int, int]


@dataclass
class Packer:
    """Knows the contents of files here, so that each is read once as long as it does not change.

    Several threads may use one packer.
    """

    _known: dict[Path, tuple[Stamp, str]] = field(default_factory=dict)
    _sources: dict[str, Path | bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pack(self, job: Job, threads: int) -> Parcel:
        """The job with what it reads now.

        Raises:
            OSError: a file of it is gone or cannot be read.
        """
        folder = output_of(job.arguments)
        files = [self._entry(folder, path) for path in _read_by(job, folder)]
        inputs = [self._input(given, path) for given, path in outside(job.arguments).items()]
        return Parcel(
            job=job,
            threads=threads,
            folder=str(folder),
            files=tuple(files),
            inputs=tuple(inputs),
        )

    def entries(self, folder: Path) -> tuple[FileEntry, ...]:
        """All files of a folder, in an order that is the same everywhere."""
        return tuple(self._entry(folder, path) for path in sorted(files_below(folder)))

    def source(self, sha256: str) -> Path | bytes:
        """Where a content that was packed lies, or the content itself.

        Raises:
            KeyError: it was not packed here.
        """
        with self._lock:
            return self._sources[sha256]

    def holds(self, path: Path, sha256: str) -> bool:
        """Whether the file at ``path`` is known to have that content now."""
        with self._lock:
            known = self._known.get(path)
        return (
            known is not None
            and known[1] == sha256
            and path.exists()
            and stamp_of(path) == known[0]
        )

    def remember(self, path: Path, sha256: str) -> None:
        """A file has been written whose content is known."""
        with self._lock:
            self._known[path] = (stamp_of(path), sha256)
            self._sources[sha256] = path

    def _input(self, given: str, path: Path) -> Input:
        if path.is_dir():
            entries = self.entries(path)
            return Input(
                given=given,
                name=path.name,
                listing=self._content(listing_of(entries)),
                identity=folder_identity(path),
                programs=tuple(one.path for one in entries if _is_program(path / one.path)),
            )
        files = [path]
        if path.suffix == ".py":  # it may import its neighbours
            files = sorted({path, *_sources_beside(path)})
        return Input(
            given=given,
            name=path.name,
            files=tuple(self._entry(path.parent, file) for file in files),
        )

    def _entry(self, root: Path, path: Path) -> FileEntry:
        stamp = stamp_of(path)
        with self._lock:
            known = self._known.get(path)
        sha256 = known[1] if known is not None and known[0] == stamp else sha256_of(path)
        with self._lock:
            self._known[path] = (stamp, sha256)
            self._sources[sha256] = path
        return FileEntry(path=path.relative_to(root).as_posix(), sha256=sha256, size=stamp[0])

    def _content(self, content: bytes) -> FileEntry:
        sha256 = hashlib.sha256(content).hexdigest()
        with self._lock:
            self._sources[sha256] = content
        return FileEntry(path="", sha256=sha256, size=len(content))


def listing_of(entries: tuple[FileEntry, ...]) -> bytes:
    """The content that lists a folder; equal for folders whose files are."""
    return LISTING.dump_json(entries)


def _read_by(job: Job, folder: Path) -> list[Path]:
    """A job that names artefacts reads them and the work folder; others may read anything."""
    artefacts = job.arguments.get("artefacts")
    roots = [folder]
    if isinstance(artefacts, list) and artefacts:
        named = [str(entry["path"]) for entry in artefacts if isinstance(entry, dict)]
        roots = [folder / WORK, *(folder / name for name in named)]
    found = {path for root in roots for path in files_below(root)}
    return sorted(path for path in found if not _is_private(path.relative_to(folder).parts))


def _is_private(parts: tuple[str, ...]) -> bool:
    """Whether a path within the output folder is none of a job's business."""
    return LOGS in parts[:-1] or parts[-1] == LOCK


def put_in_place(folder: Path, fetched: dict[str, Path], removed: Iterable[str]) -> None:
    """Move files into ``folder``: a folder that is not there yet appears with all of them at once.

    Args:
        folder: the output folder.
        fetched: names relative to it -> whole files beside it, which are moved.
        removed: names of files to remove, if they are there.

    Raises:
        InputError: a name leaves the folder.
        OSError: the disk is full or the folder cannot be written.
    """
    groups: dict[Path, dict[Path, Path]] = {}
    for name, path in fetched.items():
        target = folder / inner_name(name)
        groups.setdefault(_first_missing(folder, target), {})[target] = path
    for top, files in groups.items():
        if top in files:
            os.replace(files[top], top)
            continue
        temporary = top.with_name(partial_name(top.name))
        for target, path in files.items():
            place = temporary / target.relative_to(top)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, place)
        try:
            os.replace(temporary, top)
        except OSError:  # another job has made it meanwhile
            for target in files:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(temporary / target.relative_to(top), target)
    for name in removed:
        (folder / inner_name(name)).unlink(missing_ok=True)


def partial_name(name: str) -> str:
    """A new name for what is to become ``name``; ``pipeline.lock`` removes what is left of it."""
    return f".{os.getpid()}-partial-{uuid.uuid4().hex[:8]}-{name[-100:]}"


def _first_missing(folder: Path, target: Path) -> Path:
    """The highest folder above ``target`` that is not there, or ``target``."""
    for part in reversed(target.relative_to(folder).parents[:-1]):
        if not (folder / part).exists():
            return folder / part
    return target


def files_below(root: Path) -> list[Path]:
    """The finished files of a folder in which others write meanwhile; a file is its own."""
    if root.is_file():
        return [root]
    found = []
    for folder, folders, names in os.walk(root):  # a folder that vanishes is passed over
        folders[:] = [name for name in folders if not PARTIAL.match(name)]
        found += [Path(folder, name) for name in names if not PARTIAL.match(name)]
    return [path for path in found if path.is_file()]


def _is_program(path: Path) -> bool:
    """Whether a file can be run, by its permissions and its first bytes: on some file systems every
    photo has the former."""
    if not os.access(path, os.X_OK):
        return False
    with path.open("rb") as stream:
        return stream.read(4).startswith(PROGRAM_STARTS)


def _sources_beside(path: Path) -> list[Path]:
    """Python files that the one at ``path`` can import: those beside it and in packages there."""
    beside = [file for file in path.parent.glob("*.py") if file.is_file()]
    for init in path.parent.glob("*/__init__.py"):
        beside += [file for file in init.parent.rglob("*.py") if file.is_file()]
    return beside


def stamp_of(path: Path) -> Stamp:
    """What tells that a file is still the one it was: bytes, time of change, and inode."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
