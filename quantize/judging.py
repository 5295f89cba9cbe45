"""How far a quantized network is from the float one: the one place where steps are decided.

What an image's outputs are away from float's is the task's to say. Three means of it are told. *KL*
is the arithmetic mean of the images' ``Task.distance``, what results tell
(``runtime_bench.accuracy``). The *geometric KL* is its geometric mean, by which layers are ranked
(``quantize.analysis.sensitivity``). The *divergence* is the geometric mean of ``Task.divergence``,
by which a step is kept or undone.

The arithmetic mean is a few images' whose first two classes are close. On EfficientNet-Lite0 it
doubled with a correction that raised the logits' signal-to-noise by 3 dB; in the geometric one each
image's relative change counts alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quantize.graph.interpret import batched_outputs
from quantize.program import Program
from quantize.qparams import QParams
from tasks.agreement import agreement
from tasks.base import Task
from tasks.table import task_named
from zoo.datasets import evenly_spaced
from zoo.outputs import Interface, Returned

#: Images whose divergence is below count as equal, or their ratio would be noise; nats for
#: classification.
SMALLEST_DIVERGENCE = 1e-6


#: Of all outputs that a judge holds of the float network; as many more of the network it judges.
#: A segmenter that answers at 520 pixels has 23 MB an image, and each shows 270,000 answers.
JUDGED_BYTES = 400_000_000


def judged(images: Tensor, interface: Interface) -> Tensor:
    """As many of ``images``, (N, 3, H, W) or their indices (N,), spread evenly, as a judge holds
    the outputs of."""
    most = max(8, JUDGED_BYTES // max(1, interface.image_bytes))
    return images if len(images) <= most else images[evenly_spaced(len(images), most)]


@dataclass(frozen=True)
class Likeness:
    """How like float an int8 network is: the least signal-to-noise ratio of its outputs, and the
    part of the images, in 0..1, on which both answer alike."""

    sqnr_db: float
    agreement: float


@dataclass(frozen=True)
class Judge:
    """Judges networks by float32 ``images`` (N, 3, H, W) and the float network's outputs on them,
    ``reference``, ``batch`` images at a time; ``grid`` is what the outputs will be rounded to where
    the networks themselves leave them in float."""

    images: Tensor
    reference: dict[str, Tensor]
    interface: Interface
    batch: int
    grid: QParams | None = None

    @classmethod
    def of(
        cls,
        network: Callable[[Tensor], Returned],
        images: Tensor,
        batch: int,
        interface: Interface,
    ) -> Judge:
        """A judge by ``images``; ``network`` is in float."""
        reference = interface.named(batched_outputs(network, images, batch))
        return cls(images, reference, interface, batch)

    @property
    def task(self) -> Task:
        """Says what the outputs mean."""
        return task_named(self.interface.task)

    def run(self, network: Callable[[Tensor], Returned]) -> dict[str, Tensor]:
        """The outputs of ``network`` on the judge's images."""
        return self.interface.named(batched_outputs(network, self.images, self.batch))

    def rounded(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """``outputs`` on the judge's grid."""
        if self.grid is None:
            return outputs
        return {name: self.grid.fake_quantize(value) for name, value in outputs.items()}

    def log_divergence(self, network: Callable[[Tensor], Returned]) -> Tensor:
        """What decides: the logarithm of each image's divergence, (N,) float64."""
        found = self.task.divergence(self.reference, self.rounded(self.run(network)))
        return found.clamp_min(SMALLEST_DIVERGENCE).log()

    def divergence(self, program: Program) -> float:
        """The geometric mean of the program's divergence."""
        return geometric_mean(self.log_divergence(program.module()))

    def likeness(self, program: Program) -> Likeness:
        """What the summary of ``program`` tells. A segmenter's logits count as far as the program's
        output reaches, where they were clamped to what tells classes apart."""
        outputs = self.rounded(self.run(program.module()))
        exact, grid = self.reference, self.grid or _output_grid(program)
        if self.interface.task == "segmentation" and grid is not None:
            exact = {name: value.clamp(grid.low, grid.high) for name, value in exact.items()}
        reference, found = arrays_of(self.reference), arrays_of(outputs)
        aligned = self.task.aligned(reference, found)
        in_order = {name: torch.from_numpy(value) for name, value in aligned.items()}
        return Likeness(least_sqnr_db(exact, in_order), agreement(self.task, reference, found))


def _output_grid(program: Program) -> QParams | None:
    """That of the only output, if it has one."""
    (output,) = (node for node in program.graph.graph.nodes if node.op == "output")
    returned = output.all_input_nodes
    owner = program.plan.owner(returned[0].name) if len(returned) == 1 else None
    return None if owner is None else program.activations.get(owner)


def geometric_mean(logarithms: Tensor) -> float:
    """The geometric mean of what the values are the logarithms of."""
    return float(logarithms.mean().exp())


def significantly_lower(before: Tensor, after: Tensor) -> bool:
    """Whether ``after`` is below ``before``, (N,) each of the same images, beyond chance.

    By more than twice the standard error of the mean difference, so that of many trials the ones
    without effect are not kept for a lucky sample.
    """
    difference = (after - before).double()
    if len(difference) < 2:
        return bool(difference.sum() < 0)
    error = difference.std() / len(difference) ** 0.5
    return bool(difference.mean() < -2 * error)


def sqnr_db(reference: Tensor, other: Tensor) -> float:
    """Signal-to-quantization-noise ratio, 10 log10(sum(ref^2) / sum((ref - other)^2)), in dB."""
    signal = reference.double().square().sum()
    noise = (reference.double() - other.double()).square().sum()
    return float(10 * torch.log10(signal / noise.clamp_min(1e-30)))


def least_sqnr_db(reference: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """:func:`sqnr_db` of the output that has the least."""
    return min(sqnr_db(value, other[name]) for name, value in reference.items())


def arrays_of(outputs: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """Outputs as tasks decode them."""
    return {name: value.float().numpy() for name, value in outputs.items()}
