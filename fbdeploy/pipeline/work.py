"""``OUT/.fbdeploy``: what is kept between runs but is not for the user, and what it is called."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fbdeploy.pipeline.keys import code_sha256, key_of, versions
from fbdeploy.records.builds import Build, ProgramName

NAME = ".fbdeploy"


@dataclass(frozen=True)
class WorkFolder:
    """The places in the folder ``path``. Names hold the key of what they were made from.

    ``network_key`` is a network's identity, ``data`` that of images (``DatasetInfo.identity``).
    """

    path: Path

    @classmethod
    def of(cls, output: Path) -> WorkFolder:
        """That of an output folder."""
        return cls(output / NAME)

    @property
    def logs(self) -> Path:
        """The folder of what jobs print, NAME.log each."""
        return self.path / "logs"

    @property
    def training(self) -> Path:
        """The checkpoint of a training that was cut off."""
        return self.path / "training.safetensors"

    def log_of(self, job: str) -> str:
        """A job's log as documents in the output folder name it."""
        return (self.logs / f"{job}.log").relative_to(self.path.parent).as_posix()

    def graph(self, network_key: str) -> Path:
        """The folder of a network's canonical float graph."""
        key = key_of(
            network=network_key,
            versions=dict(versions(("torch",))),
            code=code_sha256("quantize", "tasks", "zoo"),
        )
        return self.path / f"graph-{key}"

    def program(self, program: ProgramName) -> Path:
        """The folder of an int8 program; the manifest has its key."""
        return self.path / f"program-{program}"

    def search(self, program_key: str) -> Path:
        """The folder of a quantization that was halted at a search in parts, by the key of the
        program that it makes."""
        return self.path / f"search-{program_key}"

    def rejected(self, build: Build) -> Path:
        """The folder of artefacts that may not be shipped; all begin there."""
        return self.path / "rejected" / build

    def reference(self, network_key: str, data: str) -> Path:
        """The file of the float network's answers on images."""
        return self.path / f"reference-{images_key(network_key, data)}.npz"

    def parts(self, whose: str, data: str) -> Path:
        """The folder of answers on parts of images, of the artefact or network of that identity."""
        return self.path / f"answers-{key_of(whose=whose, data=data)}"

    def check_images(self, network_key: str, data: str) -> Path:
        """The file of the pre-processed images that artefacts are checked on."""
        return self.path / f"check-images-{images_key(network_key, data)}.npy"

    def prune(self, network_key: str, data: Iterable[str], programs: Iterable[ProgramName]) -> None:
        """Remove what belongs to other networks, to images not in ``data``, to other programs; and
        parts and halted searches, which are joined and ended by now."""
        identities = tuple(data)
        folders = {self.graph(network_key), *map(self.program, programs)}
        files = {
            *(self.reference(network_key, one) for one in identities),
            *(self.check_images(network_key, one) for one in identities),
            *(check_outputs(folder, network_key, one) for folder in folders for one in identities),
        }
        for pattern in ("graph-*", "program-*", "answers-*", "search-*"):
            for folder in self.path.glob(pattern):
                if folder not in folders:
                    shutil.rmtree(folder, ignore_errors=True)
        for pattern in ("reference-*.npz", "check-images-*.npy", "*/check-outputs-*.npz"):
            for file in self.path.glob(pattern):
                if file not in files:
                    file.unlink(missing_ok=True)


def check_outputs(folder: Path, network_key: str, data: str) -> Path:
    """The file of what the graph or program in ``folder`` makes of the check images."""
    return folder / f"check-outputs-{images_key(network_key, data)}.npz"


def images_key(network_key: str, data: str) -> str:
    """Identity of images as a network takes them."""
    return key_of(network=network_key, data=data)
