"""What sessions of files that go through one image at a time have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime_bench.runtimes.base import check_batch, stack_outputs
from runtime_bench.runtimes.ports import FloatArray, ImagePort, Normalization
from zoo.errors import InputError


class ImageSession(ABC):
    """A loaded artefact; see :class:`runtime_bench.runtimes.base.Session`."""

    def __init__(self, path: Path, port: ImagePort, threads: int) -> None:
        self.path, self.port, self.threads = path, port, threads

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(1, 3, height, width); raises InputError where the file does not say."""
        if self.port.shape is None:
            raise InputError(
                f"{self.path}: records no input size; give it with --input-size, or export the "
                "network with fbdeploy"
            )
        return self.port.shape

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The input as the file has it; raises InputError where it does not say."""
        return self.port.stored_shape or self.input_shape

    @property
    def pixels(self) -> Normalization | None:
        """What the artefact does to pixels that it takes as they are; None if it takes floats."""
        return self.port.pixels

    @property
    def properties(self) -> Mapping[str, str]:
        """What the artefact says of itself, texts by key."""
        return {}

    @property
    @abstractmethod
    def output_names(self) -> tuple[str, ...]:
        """The artefact's outputs, in order."""

    @abstractmethod
    def infer(self, image: NDArray[np.generic]) -> Sequence[NDArray[np.generic]]:
        """The outputs of one image, which is as the file takes it."""

    def decoded(self, outputs: Sequence[NDArray[np.generic]]) -> list[FloatArray]:
        """What ``infer`` gave as float32."""
        return [np.asarray(value, np.float32) for value in outputs]

    def run(self, batch: FloatArray) -> dict[str, FloatArray]:
        """Outputs float32 (N, ...) by name of a float32 (N, 3, height, width) batch."""
        check_batch(batch, self.port.shape or (1, *batch.shape[1:]))
        images = self.port.encode(batch)
        rows = [
            [_batched(value) for value in self.decoded(self.infer(images[index : index + 1]))]
            for index in range(len(images))
        ]
        return stack_outputs(self.output_names, rows)

    def prepared(self, image: FloatArray) -> Callable[[], object]:
        """What runs the artefact once on an image, float32 (1, 3, height, width), that is encoded
        now: to be timed."""
        encoded = self.port.encode(image)
        return lambda: self.infer(encoded)


def _batched(value: FloatArray) -> FloatArray:
    """An output of one image with the batch first, which some files leave out."""
    return value if value.ndim and len(value) == 1 else value[None]
