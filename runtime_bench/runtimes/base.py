"""What every runtime offers, and how a file that it cannot load is refused."""

from __future__ import annotations

import importlib
import importlib.metadata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from runtime_bench.runtimes.ports import FloatArray, Normalization, Size
from zoo.errors import InputError, reason_of, said
from zoo.outputs import LOGITS
from zoo.packages import requirement_of


class Answering(Protocol):
    """What answers images."""

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """The outputs of every image.

        Args:
            batch: float32 (N, 3, height, width), contiguous, preprocessed; any N >= 0.

        Returns:
            float32 (N, ...) by name, in order.

        Raises:
            InputError: the batch does not have the artefact's shape.
        """


class Session(Answering, Protocol):
    """A loaded artefact with a fixed number of threads."""

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """The artefact's own input, (1, 3, height, width)."""

    @property
    def pixels(self) -> Normalization | None:
        """What is done to pixels that an integer input takes as they are; None for floats."""

    @property
    def properties(self) -> Mapping[str, str]:
        """What the artefact says of itself, as its exporter wrote it: texts by key, unchecked."""

    @property
    def threads(self) -> int:
        """Threads that one run uses."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artefact's outputs, in order."""


class LoadedSession(Session, Protocol):
    """A session of this process, which can be timed."""

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The artefact's input as the file has it, in its own layout.

        Raises:
            InputError: the file does not say.
        """

    def prepared(self, image: FloatArray) -> Callable[[], object]:
        """What runs the artefact once on an image, float32 (1, 3, height, width), which is brought
        into the artefact's own layout and type now."""


class Runtime(Protocol):
    """Loads the artefacts of one format."""

    @property
    def format(self) -> str:
        """One of ``RUNTIMES``'s keys."""

    @property
    def name(self) -> str:
        """What the runtime is called, such as ``ONNX Runtime``."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The Python modules to import, in this order; the last brings the runtime."""

    @property
    def package(self) -> str:
        """The distribution that the last module is of."""

    def version(self) -> str:
        """Packages and versions that ran the artefact.

        Raises:
            InputError: the package is not installed; the line names the pip install.
        """

    def load(self, path: Path, threads: int, size: Size | None = None) -> LoadedSession:
        """Load an artefact; ``size`` is that of the images, for those that take any.

        Raises:
            InputError: the package is not installed; the file is missing, truncated, corrupt or of
                another format; it does not take one image, or one of another ``size``, or gives
                no numbers; this process cannot use ``threads`` threads for it.
        """


def package_version(package: str) -> str:
    """``package version`` of an installed distribution.

    Raises:
        InputError: it is not installed; the line names the ``pip install``.
    """
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            f"{package} is not installed, so its artefacts cannot be run; "
            f"pip install '{requirement_of(package)}'"
        ) from None


class FileRuntime(ABC):
    """A runtime of artefacts that are files."""

    format: ClassVar[str]
    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]
    package: ClassVar[str]

    def version(self) -> str:
        """The package and its version; see :meth:`Runtime.version`."""
        return package_version(self.package)

    def load(self, path: Path, threads: int, size: Size | None = None) -> LoadedSession:
        """Load a file; ``Runtime.load`` lists what is refused."""
        check_file(path, self.name)
        check_threads(threads)
        return self.open(import_modules(self), path, threads, size)

    @abstractmethod
    def open(self, module: Any, path: Path, threads: int, size: Size | None) -> LoadedSession:
        """A session of a file that is there, with the last of the runtime's ``modules``.

        Raises:
            InputError: what ``Runtime.load`` refuses of a file's content or of ``threads``.
        """


def import_modules(runtime: Runtime) -> Any:
    """Import what a runtime needs and return its last module.

    Raises:
        InputError: the package is not installed.
    """
    with missing_package(runtime.package):
        return [importlib.import_module(module) for module in runtime.modules][-1]


@contextmanager
def missing_package(package: str) -> Iterator[None]:
    """Turn the import error of an optional package into the line that says what to install."""
    try:
        yield
    except ImportError as error:
        raise InputError(
            f"{package} cannot be imported ({said(error)}); pip install '{requirement_of(package)}'"
        ) from error


def refuse(path: Path, name: str, reason: BaseException | str) -> InputError:
    """The error of a file that its runtime does not take."""
    # A library that repeats a long path would leave no room for the file's own.
    why = said(reason_of(reason).replace(str(path), path.name))
    return InputError(f"{path}: {name} cannot load it ({why}); export the artefact again")


def check_file(path: Path, name: str) -> None:
    """Refuse what is not a readable file with something in it.

    Raises:
        InputError: missing, a folder, unreadable or empty.
    """
    if not path.exists():
        raise InputError(f"{path}: no such artefact; check the path")
    if not path.is_file():
        raise refuse(path, name, "it is not a file")
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    if empty:
        raise refuse(path, name, "the file is empty")


def check_threads(threads: int) -> None:
    """Refuse a count below 1: no runtime's own default is used, since they differ."""
    if threads < 1:
        raise InputError(f"{threads} threads: give a number of at least 1")


def check_batch(batch: FloatArray, shape: tuple[int, int, int, int]) -> None:
    """Refuse a batch that is not float32 (N, 3, height, width) of the artefact's size.

    Raises:
        InputError: it is not.
    """
    if batch.ndim != 4 or batch.shape[1:] != shape[1:] or batch.dtype != np.float32:
        raise InputError(
            f"a batch of {batch.dtype} {batch.shape} does not fit the artefact's float32 input "
            f"(N, {', '.join(str(size) for size in shape[1:])}); check the input size"
        )


def names_in_order(stored: str, count: int) -> tuple[str, ...]:
    """The names of ``count`` outputs of a format that goes by position: those that the file keeps,
    one a line, else a classifier's, else numbers."""
    names = tuple(stored.splitlines())
    if len(names) == count and len(set(names)) == count:
        return names
    return LOGITS.names if count == 1 else tuple(f"output_{index}" for index in range(count))


def stack_outputs(
    names: tuple[str, ...], rows: Sequence[Sequence[FloatArray]]
) -> dict[str, FloatArray]:
    """Rows of outputs in order, each (n, ...), as float32 (N, ...) by name; no rows give (0, 0)."""
    if not rows:
        return {name: np.zeros((0, 0), np.float32) for name in names}
    columns = zip(*rows, strict=True)
    return {
        name: np.concatenate(column).astype(np.float32, copy=False)
        for name, column in zip(names, columns, strict=True)
    }
