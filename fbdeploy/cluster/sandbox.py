"""The host's side of a job's files: a folder of its own in which the job finds all it reads.

What a job may write are copies: the store's files are shared and never change. Folders of images
are made once, of links, and used by all jobs; one that lies on the host already is used as it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from fbdeploy.cluster.messages import LISTING, FileEntry, Input, Parcel
from fbdeploy.cluster.packing import Stamp, files_below, partial_name, stamp_of
from fbdeploy.cluster.paths import elsewhere
from fbdeploy.cluster.store import FOLDERS, Store
from fbdeploy.pipeline.workers.jobs import Job
from zoo.files import inner_name


@dataclass
class Sandbox:
    """The files of one attempt; ``close`` removes them.

    ``job`` is the job with its paths here, ``names`` are the paths here as the client names them.
    """

    root: Path
    store: Store
    job: Job
    names: dict[str, str]
    _known: dict[str, Stamp] = field(default_factory=dict)

    @property
    def output(self) -> Path:
        """What stands for the client's output folder."""
        return self.root / "out"

    @property
    def log(self) -> Path:
        """Where the job's process writes what it prints."""
        return self.root / "log"

    def changes(self) -> tuple[tuple[FileEntry, ...], tuple[str, ...]]:
        """The files the job has made or changed since the last call, kept in the store, and the
        names of those it has removed."""
        found = self._stamps()
        changed = []
        for name, stamp in found.items():
            if self._known.get(name) == stamp:
                continue
            try:
                sha256, size = self.store.add(self.output / name)
            except FileNotFoundError:  # replaced meanwhile: the next call has it
                continue
            changed.append(FileEntry(path=name, sha256=sha256, size=size))
            self._known[name] = stamp
        removed = tuple(name for name in self._known if name not in found)
        for name in removed:
            del self._known[name]
        return tuple(changed), removed

    def kept_log(self) -> FileEntry | None:
        """The log as it is now, kept in the store."""
        if not self.log.exists():
            return None
        sha256, size = self.store.add(self.log)
        return FileEntry(path="", sha256=sha256, size=size)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)

    def remember(self) -> None:
        """Take what is there now for what was sent."""
        self._known = self._stamps()

    def _stamps(self) -> dict[str, Stamp]:
        stamps = {}
        for path in files_below(self.output):
            with suppress(FileNotFoundError):  # removed meanwhile
                stamps[path.relative_to(self.output).as_posix()] = stamp_of(path)
        return stamps


def needed(parcel: Parcel) -> list[str]:
    """The contents that a parcel needs at first; what listings name comes after them."""
    entries = [*parcel.files]
    for given in parcel.inputs:
        entries += given.files
        entries += [] if given.listing is None else [given.listing]
    return list(dict.fromkeys(entry.sha256 for entry in entries))


def listed(parcel: Parcel, store: Store, there: Mapping[str, Path]) -> list[str]:
    """The contents of the folders of images that are not on this host as a whole.

    Args:
        parcel: its listings are in the store.
        store: the host's.
        there: folders of images on this host by the content of their listing.
    """
    wanted: list[str] = []
    for given in parcel.inputs:
        if given.listing is None:
            continue
        is_here = given.listing.sha256 in there or _folder_of(store, given).exists()
        if given.programs or not is_here:
            wanted += [entry.sha256 for entry in _entries(store, given.listing)]
    return list(dict.fromkeys(wanted))


def unpack(parcel: Parcel, store: Store, there: Mapping[str, Path]) -> Sandbox:
    """Lay out a parcel whose contents are all in the store; where that fails, nothing is left."""
    root = store.scratch()
    try:
        return _unpacked(parcel, store, there, root)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise


def _unpacked(parcel: Parcel, store: Store, there: Mapping[str, Path], root: Path) -> Sandbox:
    output = root / "out"
    output.mkdir()
    for entry in parcel.files:
        _copy(store, entry, output)
    places: dict[str, str] = {}
    identities: dict[str, JsonValue] = {}
    for number, given in enumerate(parcel.inputs):
        if given.listing is not None:
            if given.programs:
                place = _program_folder(store, given, root / f"in{number}")
            else:
                place = there.get(given.listing.sha256) or _image_folder(store, given)
            identities[str(place)] = given.identity
        else:
            folder = root / f"in{number}"
            folder.mkdir()
            for entry in given.files:
                _copy(store, entry, folder)
            place = folder / inner_name(given.name)
        places[given.given] = str(place)
    arguments = elsewhere(parcel.job.arguments, (parcel.folder, str(output)), places)
    request = arguments.get("request")
    if isinstance(request, dict) and "identities" in request:
        request["identities"] = identities
    if isinstance(request, dict) and "called" in request:
        asked = parcel.job.arguments["request"]
        assert isinstance(asked, dict)
        request["called"] = "" if request["network"] == asked["network"] else asked["network"]
    names = {str(output): parcel.folder}
    for given in parcel.inputs:
        is_function = given.name.endswith(".py") and ":" in given.given
        names[places[given.given]] = given.given.rpartition(":")[0] if is_function else given.given
    job = parcel.job.model_copy(update={"arguments": arguments})
    sandbox = Sandbox(root, store, job, names)
    sandbox.remember()
    return sandbox


def _copy(store: Store, entry: FileEntry, folder: Path) -> None:
    target = folder / inner_name(entry.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(store.place_of(entry.sha256), target)


def _entries(store: Store, listing: FileEntry) -> tuple[FileEntry, ...]:
    return LISTING.validate_json(store.place_of(listing.sha256).read_bytes())


def _folder_of(store: Store, given: Input) -> Path:
    assert given.listing is not None
    return store.root / FOLDERS / given.listing.sha256[:32] / inner_name(given.name)


def _program_folder(store: Store, given: Input, folder: Path) -> Path:
    """A folder with programs: copies of the job's own, since the store's files are none."""
    assert given.listing is not None
    place = folder / inner_name(given.name)
    for entry in _entries(store, given.listing):
        _copy(store, entry, place)
    for name in given.programs:
        (place / inner_name(name)).chmod(0o755)
    return place


def _image_folder(store: Store, given: Input) -> Path:
    """A folder of images, made once; its files are links to the store's, which nobody may write."""
    place = _folder_of(store, given)
    if place.exists():
        return place
    assert given.listing is not None
    temporary = place.parent / partial_name(place.name)
    try:
        for entry in _entries(store, given.listing):
            target = temporary / inner_name(entry.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = store.place_of(entry.sha256)
            if source.is_relative_to(store.root):
                os.link(source, target)
            else:
                shutil.copyfile(source, target)
        temporary.mkdir(parents=True, exist_ok=True)
        try:
            os.replace(temporary, place)
        except OSError:
            if not place.exists():  # no other job has made it meanwhile
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place
