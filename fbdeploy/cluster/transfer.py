"""Files between the client and one host, in pieces, through the engine's own connections."""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from fbdeploy.cluster import host
from fbdeploy.cluster.messages import FileEntry
from fbdeploy.cluster.packing import Packer, partial_name, put_in_place
from fbdeploy.cluster.store import Damaged, DiskFull

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")

PIECE = 8 << 20
"""Bytes in one message: 8 MB moved 26 to 36 MB/s up and 111 MB/s down over one connection of two
network namespaces, with the scheduler, which passes them on, at 71 MB of memory."""


class HostGone(RuntimeError):
    """The host does not answer any more."""


class Transfer:
    """Sends and fetches for one client; several threads may use it."""

    def __init__(self, client: Client, packer: Packer) -> None:
        self._client, self._packer = client, packer
        self._lock = threading.Lock()
        self._under_way: set[tuple[str, str]] = set()
        self.sent_bytes = 0
        self.fetched_bytes = 0

    def send(self, worker: str, contents: Iterable[str]) -> None:
        """Send what the host of a worker lacks; what is on its way there is left out.

        Raises:
            HostGone: it does not answer.
            Damaged: a file has changed since it was packed.
            DiskFull: the host's disk is.
            OSError: a file is gone or cannot be read.
            KeyError: a content was not packed here.
        """
        with self._lock:
            mine = [one for one in contents if (worker, one) not in self._under_way]
            self._under_way |= {(worker, one) for one in mine}
        upload = uuid.uuid4().hex[:12]
        try:
            for pieces in _messages(self._pieces(mine), lambda piece: len(piece[2])):
                self._call(worker, host.put, upload, pieces)
                with self._lock:
                    self.sent_bytes += sum(len(piece) for _, _, piece, _ in pieces)
        finally:
            with self._lock:
                self._under_way -= {(worker, one) for one in mine}

    def fetch(
        self, worker: str, folder: Path, files: Iterable[FileEntry], removed: Iterable[str]
    ) -> None:
        """Put what a job has made into ``folder``, and take away what it has removed.

        Raises:
            HostGone: the worker's host does not answer, or what it sent is not what it said.
            OSError: the folder cannot be written or is full.
        """
        wanted = [one for one in files if not self._packer.holds(folder / one.path, one.sha256)]
        place = folder / partial_name("fetched")
        place.mkdir(parents=True, exist_ok=True)
        try:
            found = self._fetched(worker, place, wanted)
            put_in_place(folder, found, removed)
            for one in wanted:
                self._packer.remember(folder / one.path, one.sha256)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _fetched(self, worker: str, place: Path, wanted: list[FileEntry]) -> dict[str, Path]:
        """Whole files in ``place`` by the names they are to have."""
        paths = {one.path: place / str(number) for number, one in enumerate(wanted)}
        digests = {one.path: hashlib.sha256() for one in wanted}
        for path in paths.values():
            path.touch()
        for batch in _messages(_parts(wanted), lambda part: part[2]):
            answers = self._call(
                worker, host.read, [(one.sha256, offset, size) for one, offset, size in batch]
            )
            for (one, _, _), piece in zip(batch, answers, strict=True):
                digests[one.path].update(piece)
                with paths[one.path].open("ab") as stream:
                    stream.write(piece)
                with self._lock:
                    self.fetched_bytes += len(piece)
        for one in wanted:
            if digests[one.path].hexdigest() != one.sha256:
                raise HostGone(f"{one.path} arrived damaged")
        return paths

    def _pieces(self, contents: list[str]) -> Iterator[tuple[str, int, bytes, bool]]:
        for sha256 in contents:
            source = self._packer.source(sha256)
            opened: BinaryIO
            if isinstance(source, bytes):
                opened, size = BytesIO(source), len(source)
            else:
                opened, size = source.open("rb"), source.stat().st_size
            with opened as stream:
                for offset in range(0, max(1, size), PIECE):
                    yield sha256, offset, stream.read(PIECE), offset + PIECE >= size

    def _call(self, worker: str, function: Any, *arguments: Any) -> Any:
        try:
            return self._client.run(function, *arguments, workers=[worker])[worker]
        except (Damaged, DiskFull):
            raise
        except Exception as error:  # whatever Dask says of a worker that is not there
            raise HostGone(f"{worker}: {error}") from error


def _parts(files: Iterable[FileEntry]) -> Iterator[tuple[FileEntry, int, int]]:
    """What to ask for, at most ``PIECE`` bytes each: file, offset and bytes."""
    for one in files:
        for offset in range(0, one.size, PIECE):
            yield one, offset, min(PIECE, one.size - offset)


def _messages(items: Iterable[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Items together, up to ``PIECE`` bytes or one item a message."""
    message: list[Item] = []
    size = 0
    for item in items:
        if message and size + size_of(item) > PIECE:
            yield message
            message, size = [], 0
        message.append(item)
        size += size_of(item)
    if message:
        yield message
