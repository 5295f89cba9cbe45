"""From an ``nn.Module`` to a canonical graph of ATen calls."""

from __future__ import annotations

import copy
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.fx import GraphModule

from quantize.graph.passes import CANONICALIZE, run
from quantize.graph.serialize import graph_from_json, graph_to_json
from zoo.errors import InputError
from zoo.files import atomic_path
from zoo.initialise import noise_images
from zoo.input_spec import InputSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Captured:
    """A canonical graph, whether its batch dimension is free, and what each pass changed."""

    graph: GraphModule
    dynamic_batch: bool
    passes: dict[str, int] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write ``captured.json`` and ``captured.safetensors`` into a new ``folder``."""
        tensors: dict[str, Tensor] = {}
        document = {
            "graph": graph_to_json(self.graph, tensors),
            "dynamic_batch": self.dynamic_batch,
            "passes": self.passes,
        }
        with atomic_path(folder) as temporary:
            temporary.mkdir(parents=True)
            (temporary / "captured.json").write_text(json.dumps(document))
            save_file(tensors, temporary / "captured.safetensors")


def load_captured(folder: Path) -> Captured:
    """Read what :meth:`Captured.save` wrote."""
    document = json.loads((folder / "captured.json").read_text())
    tensors = load_file(folder / "captured.safetensors")
    graph = graph_from_json(document["graph"], tensors)
    return Captured(graph, document["dynamic_batch"], document["passes"])


#: Largest relative difference between a module and its canonical graph; both are float32.
TOLERANCE = 1e-4


def capture(module: nn.Module, spec: InputSpec) -> Captured:
    """Export ``module`` in eval mode on one (N, 3, H, W) float32 input and canonicalize the graph.

    The batch dimension stays free where the network allows, so that calibration runs in batches.

    Raises:
        InputError: torch.export cannot capture the module, or captures another function.
    """
    frozen = copy.deepcopy(module).cpu().float().eval()
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    dynamic = True
    try:
        exported = torch.export.export(
            frozen,
            (torch.zeros(2, 3, spec.height, spec.width),),
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
        )
    except Exception as error:
        logger.info("a free batch dimension failed (%s); capturing batch 1", type(error).__name__)
        dynamic = False
        try:
            exported = torch.export.export(frozen, (torch.zeros(spec.shape),))
        except Exception as second:
            reason = str(second).strip().splitlines()[0]
            raise InputError(
                f"{type(module).__name__}: torch.export cannot capture it ({reason}); "
                "remove data-dependent control flow from its forward()"
            ) from second
    unlifted = exported.module()
    assert isinstance(unlifted, GraphModule)
    # A plain module: torch.export's own refuses eval() and train().
    graph = GraphModule(unlifted, unlifted.graph)
    changed = run(graph, CANONICALIZE)
    _check(graph, frozen, spec)
    return Captured(graph, dynamic, changed)


@torch.no_grad()
def _check(graph: GraphModule, module: nn.Module, spec: InputSpec) -> None:
    """Refuse a graph that does not compute what the module does."""
    # Smooth noise: white noise leaves the range of a deep network, where rounding errors grow.
    probe = noise_images(1, spec, seed=0)
    expected, actual = module(probe), graph(probe)
    if not bool(torch.isfinite(expected).all()):
        raise InputError(
            f"{type(module).__name__}: the float network produces infinite or NaN values on noise; "
            "check its weights"
        )
    scale = float(expected.abs().max())
    if not float((expected - actual).abs().max()) <= TOLERANCE * max(scale, 1e-12):
        raise InputError(
            f"{type(module).__name__}: its captured graph computes something else; a layer that "
            "changes its input in place or draws random numbers is the usual cause"
        )
