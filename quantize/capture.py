"""From an ``nn.Module`` to a canonical graph of ATen calls."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.fx import GraphModule

from quantize.passes import CANONICALIZE, run
from zoo.errors import InputError
from zoo.input_spec import InputSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Captured:
    """A canonical graph, whether its batch dimension is free, and what each pass changed."""

    graph: GraphModule
    dynamic_batch: bool
    passes: dict[str, int] = field(default_factory=dict)


def capture(module: nn.Module, spec: InputSpec) -> Captured:
    """Export ``module`` in eval mode on one (N, 3, H, W) float32 input and canonicalize the graph.

    The batch dimension stays free where the network allows, so that calibration runs in batches.

    Raises:
        InputError: torch.export cannot capture the module.
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
    graph = exported.module()
    assert isinstance(graph, GraphModule)
    changed = run(graph, CANONICALIZE)
    return Captured(graph, dynamic, changed)
