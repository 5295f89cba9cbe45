"""A host's files by content: each is there once, whoever sent it, and is what its name says."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from fbdeploy.pipeline.workers.errors import DISK_ERRORS
from zoo.errors import InputError, one_line, reason_of
from zoo.files import sha256_of

READ_ONLY = 0o444
BLOBS, PARTS, SCRATCH, FOLDERS = "files", "parts", "scratch", "folders"


class Damaged(RuntimeError):
    """What arrived is not what its name says: it changed while it was sent."""


class DiskFull(RuntimeError):
    """A host's disk is full or read-only: one line that names the host and what to do."""

    @classmethod
    def at(cls, host: str, place: str, reason: str) -> DiskFull:
        """That of ``host``, at ``place`` on it, for what the system or a job says."""
        advice = "free it there, or name another cache in the plan"
        return cls(one_line(f"{host}: {place}: cannot be written ({reason}); {advice}"))


class Store:
    """Files under ``root`` by their SHA-256; several threads may use it.

    ``elsewhere`` are files that lie on this machine already, by content: they are never changed.
    ``host`` is whose it is, for errors.

    Raises:
        InputError: the folder cannot be made or written.
    """

    def __init__(
        self, root: Path, elsewhere: dict[str, Path] | None = None, host: str = "this host"
    ) -> None:
        self.root, self.host = root, host
        self._elsewhere = elsewhere or {}
        self._arrived = threading.Condition()
        try:
            for name in (PARTS, SCRATCH):  # what a killed host left
                shutil.rmtree(root / name, ignore_errors=True)
            for name in (BLOBS, PARTS, SCRATCH, FOLDERS):
                (root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{root}: cannot be written ({reason_of(error)}); name another cache in the plan"
            ) from error

    def path(self, sha256: str) -> Path | None:
        """Where the content lies, or None; it must not be changed there."""
        place = self._place(sha256)
        if place.exists():
            return place
        return self._elsewhere.get(sha256)

    def place_of(self, sha256: str) -> Path:
        """Where a content lies that is here; raises FileNotFoundError where it is not."""
        place = self.path(sha256)
        if place is None:
            raise FileNotFoundError(sha256)
        return place

    def missing(self, wanted: Collection[str]) -> list[str]:
        """Those of ``wanted`` that are not here."""
        return [sha256 for sha256 in dict.fromkeys(wanted) if self.path(sha256) is None]

    def wait(self, wanted: Collection[str], seconds: float) -> list[str]:
        """Wait up to so long for a file to arrive; those of ``wanted`` that are missing then."""
        with self._arrived:
            missing = self.missing(wanted)
            if missing:
                self._arrived.wait(seconds)
        return self.missing(missing)

    def put(self, upload: str, sha256: str, offset: int, piece: bytes, last: bool) -> None:
        """Add a piece of a file; the last one puts the file in its place.

        Args:
            upload: names one sender's way of sending it, letters and digits.
            sha256: the whole file's.
            offset: of the piece in the file, bytes.
            piece: its contents.
            last: whether it ends the file.

        Raises:
            Damaged: the whole is not what ``sha256`` says.
            DiskFull: nothing more can be written; what was there of the file is removed.
        """
        part = self.root / PARTS / f"{sha256}-{upload}"
        with self._writing(part):
            with part.open("r+b" if offset else "wb") as stream:
                stream.seek(offset)
                stream.write(piece)
            if last:
                self._settle(part, sha256)

    def add(self, path: Path) -> tuple[str, int]:
        """Keep a copy of the file that ``path`` is now; its SHA-256 and bytes.

        Raises:
            DiskFull: it cannot be written.
        """
        part = self.root / PARTS / uuid.uuid4().hex
        digest, size = hashlib.sha256(), 0
        with self._writing(part):
            with path.open("rb") as source, part.open("wb") as copy:
                while chunk := source.read(1 << 20):
                    digest.update(chunk)
                    copy.write(chunk)
                    size += len(chunk)
            sha256 = digest.hexdigest()
            self._keep(part, sha256)
        return sha256, size

    def read(self, sha256: str, offset: int, length: int) -> bytes:
        """A piece of a file that is here."""
        with self.place_of(sha256).open("rb") as stream:
            stream.seek(offset)
            return stream.read(length)

    def scratch(self) -> Path:
        """A new empty folder for a job; whoever took it removes it."""
        folder = self.root / SCRATCH / uuid.uuid4().hex[:12]
        folder.mkdir()
        return folder

    @contextmanager
    def _writing(self, part: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno not in DISK_ERRORS:
                raise
            raise DiskFull.at(self.host, str(self.root), reason_of(error)) from error

    def _settle(self, part: Path, sha256: str) -> None:
        found = sha256_of(part)
        if found != sha256:
            part.unlink()
            raise Damaged(f"a file changed while it was sent: {sha256[:12]} became {found[:12]}")
        self._keep(part, sha256)
        with self._arrived:
            self._arrived.notify_all()

    def _keep(self, part: Path, sha256: str) -> None:
        part.chmod(READ_ONLY)
        place = self._place(sha256)
        place.parent.mkdir(exist_ok=True)
        os.replace(part, place)

    def _place(self, sha256: str) -> Path:
        return self.root / BLOBS / sha256[:2] / sha256
