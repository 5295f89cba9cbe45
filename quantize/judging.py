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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.fx import GraphModule

from quantize.graph.choices import Choices, recorded
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


class Following(Protocol):
    """A network that can be told to choose as another does."""

    def __call__(self, x: Tensor, choices: Choices | None = None) -> Returned:
        """What it makes of a float32 batch (N, 3, H, W), making ``choices``, if they are given."""


@dataclass(frozen=True)
class Likeness:
    """How like float an int8 network is: the least signal-to-noise ratio of its outputs, the part
    of the images, in 0..1, on which both answer alike, and the divergence as it chooses by itself;
    None where it is judged by that."""

    sqnr_db: float
    agreement: float
    alone: float | None = None


@dataclass(frozen=True)
class Judge:
    """Judges networks by float32 ``images`` (N, 3, H, W) and the float network's outputs on them,
    ``reference``, ``batch`` images at a time; ``grid`` is what the outputs will be rounded to where
    the networks themselves leave them in float. ``choices`` are the float network's by batch, which
    the judged ones follow; empty where they choose by themselves (``Task.follows``)."""

    images: Tensor
    reference: dict[str, Tensor]
    interface: Interface
    batch: int
    grid: QParams | None = None
    choices: tuple[Choices, ...] = ()

    @classmethod
    def of(cls, graph: GraphModule, images: Tensor, batch: int, interface: Interface) -> Judge:
        """A judge by ``images``; ``graph`` is the float network."""
        choices: list[Choices] = []

        def run(part: Tensor) -> Returned:
            returned, chosen = recorded(graph, part)
            choices.append(chosen)
            return returned

        follows = task_named(interface.task).follows
        reference = interface.named(batched_outputs(run if follows else graph, images, batch))
        return cls(images, reference, interface, batch, choices=tuple(choices))

    @property
    def task(self) -> Task:
        """Says what the outputs mean."""
        return task_named(self.interface.task)

    def run(self, network: Following, *, following: bool = True) -> dict[str, Tensor]:
        """The outputs of ``network`` on the judge's images, by float's choices if it is judged so
        and ``following``."""
        left = iter(self.choices if following else ())

        def run(part: Tensor) -> Returned:
            return network(part, next(left, None))

        return self.interface.named(batched_outputs(run, self.images, self.batch))

    def rounded(self, outputs: dict[str, Tensor]) -> dict[str, Tensor]:
        """``outputs`` on the judge's grid."""
        if self.grid is None:
            return outputs
        return {name: self.grid.fake_quantize(value) for name, value in outputs.items()}

    def log_divergence(self, network: Following) -> Tensor:
        """What decides: the logarithm of each image's divergence, (N,) float64."""
        return self._log_divergence(self.rounded(self.run(network)))

    def divergence(self, program: Program) -> float:
        """The geometric mean of the program's divergence."""
        return geometric_mean(self.log_divergence(program.module()))

    def likeness(self, program: Program) -> Likeness:
        """What the summary of ``program`` tells. A segmenter's logits count as far as the program's
        output reaches, where they were clamped to what tells classes apart."""
        outputs = self.rounded(self.run(program.module(), following=False))
        exact, grid = self.reference, self.grid or _output_grid(program)
        if self.interface.task == "segmentation" and grid is not None:
            exact = {name: value.clamp(grid.low, grid.high) for name, value in exact.items()}
        reference, found = arrays_of(self.reference), arrays_of(outputs)
        aligned = self.task.aligned(reference, found)
        in_order = {name: torch.from_numpy(value) for name, value in aligned.items()}
        alone = geometric_mean(self._log_divergence(outputs)) if self.choices else None
        alike = agreement(self.task, reference, found)
        return Likeness(least_sqnr_db(exact, in_order), alike, alone)

    def _log_divergence(self, outputs: dict[str, Tensor]) -> Tensor:
        found = self.task.divergence(self.reference, outputs)
        return found.clamp_min(SMALLEST_DIVERGENCE).log()


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
