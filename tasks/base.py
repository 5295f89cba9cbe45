"""What every task offers: one small Protocol without I/O and without state.

A task's predictions and targets are of types of its own, which nothing else looks into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from tasks.metric import Metric
from zoo.errors import InputError
from zoo.outputs import TaskName

if TYPE_CHECKING:  # two seconds to import, which readers of metrics need not wait for
    from torch import Tensor

    from zoo.preprocess import Frame

Outputs = Mapping[str, NDArray[np.float32]]
"""A network's outputs by name, in order, batch first."""


class Evaluation(Protocol):
    """One metric on a number of images, with what each of them contributes."""

    @property
    def images(self) -> int:
        """How many."""

    @property
    def parts(self) -> NDArray[np.float64]:
        """What each image contributes, (images, parts): all that ``value`` is made of. Of
        ``binary`` and ``mean`` metrics the image's own value, in one part."""

    def value(self) -> float:
        """The metric."""

    def values(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """The metric by draws, (draws,), of weights (draws, images): how often each image counts
        in each draw."""

    def by_class(self) -> tuple[float | None, ...]:
        """The metric of each class by itself, None of one that no image has; empty where it is not
        told by class."""

    def beside(self, other: Self) -> Self:
        """The metric on these images and on those of ``other``, these first."""


@dataclass(frozen=True)
class PerImage:
    """An ``Evaluation`` that is a mean: ``own`` (images,), the images' own values in 0..1, 0 or 1
    if the metric is ``binary``."""

    own: NDArray[np.float64]

    @property
    def images(self) -> int:
        """How many."""
        return len(self.own)

    @property
    def parts(self) -> NDArray[np.float64]:
        """See ``Evaluation``."""
        return self.own[:, None]

    def value(self) -> float:
        """See ``Evaluation``."""
        return float(np.mean(self.own))

    def values(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """See ``Evaluation``."""
        return np.asarray(weights @ self.own / weights.sum(1), np.float64)

    def by_class(self) -> tuple[float | None, ...]:
        """See ``Evaluation``."""
        return ()

    def beside(self, other: PerImage) -> PerImage:
        """See ``Evaluation``."""
        return PerImage(np.concatenate((self.own, other.own)))


class BadTargetError(InputError):
    """A target that no prediction of the network can be: that of image ``index``."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class LossSettings:
    """What training minimizes: ``temperature`` softens the outputs that are compared, and
    ``label_weight`` is how much targets count beside the float network's outputs."""

    temperature: float
    label_weight: float


class Task(Protocol):
    """Says what the outputs of a network mean."""

    @property
    def name(self) -> TaskName:
        """Its name, a key of ``tasks.TASKS``."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What predictions are judged by, the headline first; one of them is ``against`` the
        reference."""

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs are small enough to be kept of all images, not only predictions."""

    @property
    def follows(self) -> bool:
        """Whether networks are judged while they choose as the float one does: where answers are
        objects that a network chooses, one more of them says little of what it computes."""

    def decode(self, outputs: Outputs, frames: Sequence[Frame] | None = None) -> list[Any]:
        """A prediction an image.

        Args:
            outputs: of N images.
            frames: how each lies under the input; None: each is the input itself.

        Raises:
            InputError: outputs that are none of this task's, or not finite.
        """

    def labelled(self, targets: Sequence[Any]) -> bool:
        """Whether there are targets, and every image has one."""

    def score(
        self, predictions: Sequence[Any], targets: Sequence[Any], metrics: Sequence[Metric]
    ) -> dict[str, Evaluation]:
        """``metrics`` of predictions against targets of the same images, by name.

        Metrics that cannot be told of these, such as those of masks where there are none, are left
        out. What the task's metrics hold against ``reference`` wants ``as_targets`` of its
        predictions.

        Raises:
            BadTargetError: a target that no prediction of this network can be.
        """

    def evaluation(self, metric: Metric, parts: NDArray[np.float64]) -> Evaluation:
        """One that ``score`` gave, of its ``parts`` (images, parts)."""

    def as_targets(self, predictions: Sequence[Any]) -> list[Any]:
        """Predictions as what others are held against."""

    def aligned(self, reference: Outputs, other: Outputs) -> Outputs:
        """``other`` in the order of ``reference``, to be compared number by number: where the order
        of answers in outputs means nothing, the same answers are in the same place."""

    def divergence(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """How far outputs are from the float network's, by which steps of quantization are judged:
        (N,) float64, at least 0, of outputs of N images."""

    def distance(self, reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Tensor:
        """The same as reports tell it, in units that people know, (N,) float64."""

    def training_loss(
        self,
        student: Mapping[str, Tensor],
        teacher: Mapping[str, Tensor],
        targets: Tensor | None,
        settings: LossSettings,
    ) -> Tensor:
        """What training minimizes, the mean over the images: how far ``student`` is from
        ``teacher``, and, with targets, from them; a scalar with gradients."""

    def pack(self, predictions: Sequence[Any]) -> dict[str, NDArray[Any]]:
        """Predictions as arrays, to be stored."""

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> list[Any]:
        """The inverse of ``pack``.

        Raises:
            ValueError: arrays that are none of this task's predictions.
        """
