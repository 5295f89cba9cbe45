"""From an ``nn.Module`` to a canonical graph of ATen calls."""

from __future__ import annotations

import copy
import json
import logging
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch._ops import HigherOrderOperator
from torch.export import ExportedProgram
from torch.fx import GraphModule

from quantize.graph.interpret import in_order
from quantize.graph.passes import CANONICALIZE, run
from quantize.graph.passes.cleanup import in_place
from quantize.graph.serialize import graph_from_json, graph_to_json, interface_from_json
from zoo.errors import InputError, reason_of
from zoo.files import atomic_folder
from zoo.initialise import noise_images
from zoo.input_spec import InputSpec
from zoo.outputs import Interface, Returned, plain_interface
from zoo.probe import refuse_scripted

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Captured:
    """A canonical graph, whether its batch dimension is free, what its outputs are, and what each
    pass changed."""

    graph: GraphModule
    dynamic_batch: bool
    interface: Interface
    passes: dict[str, int] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write ``captured.json`` and ``captured.safetensors`` into a new ``folder``."""
        tensors: dict[str, Tensor] = {}
        document = {
            "graph": graph_to_json(self.graph, tensors),
            "dynamic_batch": self.dynamic_batch,
            "interface": asdict(self.interface),
            "passes": self.passes,
        }
        with atomic_folder(folder, ("captured.json",)) as temporary:
            temporary.mkdir(parents=True)
            (temporary / "captured.json").write_text(json.dumps(document))
            save_file(tensors, temporary / "captured.safetensors")


def load_captured(folder: Path) -> Captured:
    """Read what :meth:`Captured.save` wrote."""
    document = json.loads((folder / "captured.json").read_text())
    tensors = load_file(folder / "captured.safetensors")
    graph = graph_from_json(document["graph"], tensors)
    interface = interface_from_json(document["interface"])
    return Captured(graph, document["dynamic_batch"], interface, document["passes"])


#: Largest relative difference between a module and its canonical graph; both are float32.
TOLERANCE = 1e-4


def capture(module: nn.Module, spec: InputSpec, interface: Interface | None = None) -> Captured:
    """Export ``module`` in eval mode on one (N, 3, H, W) float32 input and canonicalize the graph.

    The batch dimension stays free where the network allows, so that calibration runs in batches.
    The graph returns the outputs of ``interface`` in its order; without one, all tensors that
    ``module`` returns.

    Raises:
        InputError: torch.export cannot capture the module, or captures another function.
    """
    name = type(module).__name__
    refuse_scripted(name, module)
    frozen = float_copy(module)
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    probe = _Probe(name, frozen, spec, interface)
    interface = probe.interface
    if interface.selects:
        frozen = _Selecting(frozen, interface)
    exported, dynamic = _exported(name, frozen, spec)
    if not _has_subgraphs(exported):
        graph, changed = _canonical(exported, wrapped=interface.selects)
        if probe.equals(graph) or not any(in_place(node) for node in exported.graph.nodes):
            probe.require(graph)
            return Captured(graph, dynamic, interface, changed)
    # Also inlines subgraphs, such as those under autocast; seconds, which few networks need.
    graph, changed = _canonical(exported.run_decompositions({}), wrapped=interface.selects)
    probe.require(graph)
    return Captured(graph, dynamic, interface, changed)


class _Selecting(nn.Module):
    """Returns the outputs of ``interface`` alone, of what ``network`` returns."""

    def __init__(self, network: nn.Module, interface: Interface) -> None:
        super().__init__()
        self.network, self._interface = network, interface

    def forward(self, x: Tensor) -> Returned:
        """The outputs in order."""
        return self._interface.select(self.network(x))


def _forget_wrapper(graph: GraphModule) -> None:
    """Let nodes name the modules of the user's network, not of the wrapper around it."""
    for node in graph.graph.nodes:
        stack = node.meta.get("nn_module_stack")
        if stack:
            node.meta["nn_module_stack"] = {
                key: (path.removeprefix("network").removeprefix("."), *rest)
                for key, (path, *rest) in stack.items()
            }


def float_copy(module: nn.Module) -> nn.Module:
    """A copy of ``module`` in eval mode, on the processor, with floating-point tensors in float32.

    Attributes that are results of computations, such as the weight that the old
    ``torch.nn.utils.weight_norm`` computes before each forward, are detached, since only tensors
    without history can be copied.
    """
    for part in module.modules():
        for key, value in vars(part).items():
            if isinstance(value, Tensor) and not value.is_leaf:
                setattr(part, key, value.detach())
    return copy.deepcopy(module).cpu().float().eval()


def _exported(name: str, module: nn.Module, spec: InputSpec) -> tuple[ExportedProgram, bool]:
    """What torch.export makes of ``module``, and whether its batch dimension is free."""
    batch = torch.zeros(2, *spec.shape[1:])
    try:
        # Without gradients, torch.no_grad() in a forward is no subgraph.
        with torch.no_grad():
            free = ({0: torch.export.Dim.DYNAMIC},)
            return torch.export.export(module, (batch,), dynamic_shapes=free), True
    except Exception as error:
        logger.info("a free batch dimension failed (%s); capturing batch 1", type(error).__name__)
    try:
        with torch.no_grad():
            return torch.export.export(module, (batch[:1],)), False
    except Exception as error:
        raise InputError(
            f"{name}: torch.export cannot capture it ({reason_of(error)}); "
            "remove data-dependent control flow from its forward()"
        ) from error


def _has_subgraphs(exported: ExportedProgram) -> bool:
    return any(isinstance(n.target, HigherOrderOperator) for n in exported.graph.nodes)


def _canonical(exported: ExportedProgram, *, wrapped: bool) -> tuple[GraphModule, dict[str, int]]:
    unlifted = exported.module()
    assert isinstance(unlifted, GraphModule)
    # A plain module: torch.export's own refuses eval() and train().
    graph = GraphModule(unlifted, unlifted.graph)
    if wrapped:
        _forget_wrapper(graph)
    return graph, run(graph, CANONICALIZE)


class _Probe:
    """One image and what a module makes of it, to tell whether a graph does the same."""

    @torch.no_grad()
    def __init__(
        self, name: str, module: nn.Module, spec: InputSpec, interface: Interface | None
    ) -> None:
        # Smooth noise: white noise leaves the range of a deep network, where rounding errors grow.
        self._name, self._image = name, noise_images(1, spec, seed=0)
        returned: object = module(self._image.clone())
        known = interface or plain_interface(returned)
        self._expected = in_order(known.select(returned))
        if not all(bool(torch.isfinite(value).all()) for value in self._expected):
            raise InputError(
                f"{name}: the float network produces infinite or NaN values on noise; "
                "check its weights"
            )
        outputs = zip(known.outputs, self._expected, strict=True)
        #: With the shapes of one image.
        self.interface = Interface(
            known.task, tuple(replace(spec, shape=tuple(value.shape)) for spec, value in outputs)
        )

    @torch.no_grad()
    def equals(self, graph: GraphModule) -> bool:
        """Whether ``graph`` computes what the module does."""
        found = in_order(graph(self._image.clone()))
        return all(map(_close, self._expected, found))

    def require(self, graph: GraphModule) -> None:
        """Refuse a graph that does not."""
        if not self.equals(graph):
            raise InputError(
                f"{self._name}: its captured graph computes something else; a layer that draws "
                "random numbers or keeps a state is the usual cause"
            )


def _close(expected: Tensor, found: Tensor) -> bool:
    if not expected.numel():
        return expected.shape == found.shape
    difference = float((expected.double() - found.double()).abs().max())
    return difference <= TOLERANCE * max(float(expected.abs().max()), 1e-12)
