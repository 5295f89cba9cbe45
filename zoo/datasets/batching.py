"""Preprocessed batches of a dataset, decoded ahead in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo.datasets.samples import Dataset
from zoo.errors import InputError
from zoo.images import BadImageError, UnusableImageError
from zoo.input_spec import InputSpec
from zoo.preprocess import Frame, preprocess

DECODING_THREADS = 4
Item = TypeVar("Item")


class Batch(NamedTuple):
    """N pre-processed images, float32 (N, 3, height, width), and what is known of them.

    ``targets`` are what answers are held against, as their task has it: int64 (N,), -1 where there
    is none, for classification. ``frames`` are how the pictures that targets are told of lie under
    the input; None: each is the input itself.
    """

    images: NDArray[np.float32]
    targets: NDArray[np.int64] | Sequence[Any]
    names: tuple[str, ...]
    frames: tuple[Frame, ...] | None = None


class _Item(NamedTuple):
    pixels: NDArray[np.float32]
    target: Any
    name: str
    frame: Frame


@dataclass(frozen=True)
class Part:
    """Part ``number``, from 0, of the ``of`` that batches are split into, as even as they can be;
    there may be none in it."""

    number: int = 0
    of: int = 1

    def of_all(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those of ``items`` that are in this part: neighbours."""
        count = len(items)
        return items[count * self.number // self.of : count * (self.number + 1) // self.of]


WHOLE = Part()


def batches(
    dataset: Dataset,
    spec: InputSpec,
    batch_size: int = 32,
    limit: int | None = None,
    *,
    threads: int = DECODING_THREADS,
    part: Part = WHOLE,
) -> Iterator[Batch]:
    """Preprocessed batches in dataset order, decoded ahead in ``threads`` threads.

    ``limit`` takes that many images spread evenly over the dataset, since folders are sorted by
    class. The last batch may be smaller, and so are those whose images were skipped: which images
    are in one batch is the same whatever ``part`` is taken of them.

    Raises:
        InputError: undecodable images, unless the dataset skips them (then the rest is yielded,
            and an InputError says so where nothing is left of the whole).
    """
    indices = evenly_spaced(len(dataset), limit)
    starts = range(0, len(indices), batch_size)
    groups = part.of_all([indices[start : start + batch_size] for start in starts])
    pending: deque[Future[_Item]] = deque()
    found = False

    with ThreadPoolExecutor(max_workers=threads) as pool:
        upcoming = iter([index for group in groups for index in group])
        try:
            for group in groups:
                ready: list[_Item] = []
                for _ in group:
                    while len(pending) < batch_size + threads:
                        index = next(upcoming, None)
                        if index is None:
                            break
                        pending.append(pool.submit(_decode, dataset, index, spec))
                    try:
                        ready.append(pending.popleft().result())
                    except BadImageError as error:
                        if not dataset.skip_bad_images:
                            raise _count_bad(dataset, indices, pool, spec, error) from error
                        dataset.skipped[error.name] = error.reason
                if ready:
                    found = True
                    yield _stack(ready)
        finally:
            for future in pending:
                future.cancel()
    if not found and part == WHOLE:
        raise InputError(f"{dataset.name}: none of its images can be read; check the folder")


def evenly_spaced(count: int, limit: int | None) -> list[int]:
    """``limit`` indices spread evenly over ``count`` (all of them where limit is None or more)."""
    if limit is None or limit >= count:
        return list(range(count))
    if limit < 1:
        raise InputError(f"{limit} images: ask for at least one, or for all")
    return [number * count // limit for number in range(limit)]


def _decode(dataset: Dataset, index: int, spec: InputSpec) -> _Item:
    sample = dataset.sample(index)
    try:
        pixels = preprocess(sample.image, spec)
    except UnusableImageError as error:
        raise BadImageError(str(Path(dataset.name) / sample.name), str(error)) from error
    target, frame = dataset.target(sample, spec)
    return _Item(pixels, target, sample.name, frame)


def _stack(items: list[_Item]) -> Batch:
    images, targets, names, frames = zip(*items, strict=True)
    classes = all(isinstance(target, int) for target in targets)
    return Batch(
        np.stack(images), np.array(targets, np.int64) if classes else targets, names, frames
    )


def _count_bad(
    dataset: Dataset,
    indices: list[int],
    pool: ThreadPoolExecutor,
    spec: InputSpec,
    first: BadImageError,
) -> InputError:
    def bad(index: int) -> bool:
        try:
            _decode(dataset, index, spec)
        except BadImageError:
            return True
        return False

    count = sum(pool.map(bad, indices))
    if count < 2:
        return first
    return InputError(
        f"{first.name}: cannot be read as an image ({first.reason}), one of {count} such in "
        f"{dataset.name}; replace them, or leave them out with --skip-bad-images"
    )
