"""The quantized program: one graph and one set of ranges that every backend reads."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.fx import GraphModule, Node

from quantize.graph.choices import Choices
from quantize.graph.interpret import HookedInterpreter
from quantize.graph.passes.surgery import bias_of, tensor_of
from quantize.graph.plan import Plan
from quantize.graph.serialize import graph_from_json, graph_to_json, interface_from_json
from quantize.qparams import QParams, QuantizedWeight
from zoo.errors import InputError
from zoo.files import atomic_folder
from zoo.input_spec import InputSpec
from zoo.outputs import LOGITS, Interface


@dataclass(frozen=True)
class Summary:
    """What quantization did, for the manifest.

    ``kept`` maps an optional step to whether it was kept, ``held_out_kl`` to the held-out images'
    divergence (:mod:`quantize.judging`) with it; ``sqnr_db`` is that of their outputs, the least of
    several, and ``agreement`` the part of them, in 0..1, on which float and int8 answer alike.
    Without held-out images they are of those that calibrated.
    ``alone`` is the divergence of the program as it chooses by itself, where steps are judged while
    it chooses as float does (``Task.follows``). ``float_operators`` are those that mixed precision
    left in float, by their modules' paths.
    """

    method: str
    recipe: str
    calibration_images: int
    held_out_images: int
    kept: dict[str, bool] = field(default_factory=dict)
    held_out_kl: dict[str, float] = field(default_factory=dict)
    sqnr_db: float = 0.0
    agreement: float = 0.0
    alone: float | None = None
    passes: dict[str, int] = field(default_factory=dict)
    float_operators: list[str] = field(default_factory=list)

    @property
    def divergence(self) -> float | None:
        """That of the held-out images after the last step that was kept; None without any."""
        last = self.held_out_kl.get("ranges")
        for name, stays in self.kept.items():
            last = self.held_out_kl.get(name, last) if stays else last
        return last


@dataclass
class Program:
    """A canonical float graph with its int8 ranges.

    ``graph`` maps (N, 3, H, W) float32 to the outputs of ``interface`` and holds the corrected
    biases;
    ``activations`` are the grids of its observed values by node name, ``weights`` the int8
    weights of its convolutions and linear layers by node name. ``corrections`` (out,) by layer are
    what correction added to the biases: without them the graph is the float network.
    ``unrounded`` (out,) by layer is what to add where nothing is rounded between a layer and its
    hard-swish (:mod:`quantize.corrections.unrounded`). ``network`` and ``labels`` are the float
    network's name and classes.
    """

    graph: GraphModule
    plan: Plan
    activations: dict[str, QParams]
    weights: dict[str, QuantizedWeight]
    input_spec: InputSpec
    dynamic_batch: bool
    summary: Summary
    corrections: dict[str, Tensor] = field(default_factory=dict)
    unrounded: dict[str, Tensor] = field(default_factory=dict)
    interface: Interface = LOGITS
    network: str = ""
    labels: tuple[str, ...] = ()

    def qparams(self, name: str) -> QParams | None:
        """The grid of a value, shared ones included; None where it stays float."""
        owner = self.plan.owner(name)
        return None if owner is None else self.activations.get(owner)

    def rounded(self, node: Node, value: Tensor) -> Tensor:
        """``value``, the result of ``node`` in float32, on the node's grid if it has one."""
        grid = self.qparams(node.name)
        return value if grid is None else grid.fake_quantize(value)

    @property
    def weights_only(self) -> bool:
        """Whether weights are int8 and every value is float."""
        return bool(self.weights) and not self.activations

    def ranges_sha256(self) -> str:
        """Identity of every scale and int8 weight, so that two artefacts can be told to agree."""
        digest = hashlib.sha256()
        for name in sorted(self.activations):
            grid = self.activations[name]
            digest.update(f"{name} {grid.scale!r} {grid.zero_point}\n".encode())
        for name in sorted(self.weights):
            digest.update(name.encode())
            digest.update(self.weights[name].values.numpy().tobytes())
            digest.update(self.weights[name].scale.numpy().tobytes())
        return digest.hexdigest()

    def module(self) -> QuantizedReference:
        """The reference: float arithmetic on dequantized weights, values rounded to their grids."""
        return QuantizedReference(self)

    def save(self, folder: Path) -> None:
        """Write ``program.json`` and ``program.safetensors`` into a new ``folder``."""
        tensors: dict[str, Tensor] = {}
        for name, weight in self.weights.items():
            tensors[f"int8.{name}"] = weight.values.contiguous()
            tensors[f"scale.{name}"] = weight.scale.contiguous()
        for name, correction in self.corrections.items():
            tensors[f"correction.{name}"] = correction.contiguous()
        for name, shift in self.unrounded.items():
            tensors[f"unrounded.{name}"] = shift.contiguous()
        document = {
            "graph": graph_to_json(self.graph, tensors),
            "plan": asdict(self.plan),
            "activations": {name: asdict(grid) for name, grid in self.activations.items()},
            "weights": list(self.weights),
            "corrections": list(self.corrections),
            "unrounded": list(self.unrounded),
            "input_spec": asdict(self.input_spec),
            "dynamic_batch": self.dynamic_batch,
            "interface": asdict(self.interface),
            "summary": asdict(self.summary),
            "network": self.network,
            "labels": list(self.labels),
        }
        with atomic_folder(folder, ("program.json",)) as temporary:
            temporary.mkdir(parents=True)
            (temporary / "program.json").write_text(json.dumps(document, indent=1))
            save_file(tensors, temporary / "program.safetensors")


def load_program(folder: Path) -> Program:
    """Read what :meth:`Program.save` wrote.

    Raises:
        InputError: the folder holds no readable program.
    """
    try:
        document = json.loads((folder / "program.json").read_text())
        tensors = load_file(folder / "program.safetensors")
    except Exception as error:
        raise InputError(
            f"{folder}: not a readable program ({error}); run fbdeploy deploy again"
        ) from error
    spec = dict(document["input_spec"])
    spec["mean"], spec["std"] = tuple(spec["mean"]), tuple(spec["std"])
    stored = document["plan"]
    return Program(
        graph=graph_from_json(document["graph"], tensors),
        plan=Plan(tuple(stored["observed"]), stored["shared"], tuple(stored["weighted"])),
        activations={name: QParams(**grid) for name, grid in document["activations"].items()},
        weights={
            name: QuantizedWeight(tensors[f"int8.{name}"], tensors[f"scale.{name}"])
            for name in document["weights"]
        },
        input_spec=InputSpec(**spec),
        dynamic_batch=document["dynamic_batch"],
        summary=Summary(**document["summary"]),
        corrections={name: tensors[f"correction.{name}"] for name in document["corrections"]},
        unrounded={name: tensors[f"unrounded.{name}"] for name in document["unrounded"]},
        interface=interface_from_json(document["interface"]),
        network=document["network"],
        labels=tuple(document["labels"]),
    )


class QuantizedReference:
    """Runs a program in float arithmetic that rounds exactly where the int8 kernels do."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._graph = with_dequantized_weights(program)

    @torch.no_grad()
    def __call__(self, x: Tensor, choices: Choices | None = None) -> Any:
        """What the program's graph returns for a float32 batch (N, 3, H, W): its only output, or
        a tuple of them in order; where it makes ``choices``, if they are given."""
        return HookedInterpreter(self._graph, self._program.rounded, choices).run(x)


def with_dequantized_weights(program: Program) -> GraphModule:
    """A copy of the program's graph whose weights have been through int8."""
    graph = copy.deepcopy(program.graph)
    nodes = {node.name: node for node in graph.graph.nodes}
    for name, weight in program.weights.items():
        target = nodes[name].args[1]
        assert isinstance(target, Node)
        tensor_of(graph, target).copy_(weight.dequantize())
    return graph


def float_graph(program: Program) -> GraphModule:
    """A copy of the program's graph without corrections: the float network it was made from."""
    graph = copy.deepcopy(program.graph)
    for node in graph.graph.nodes:
        if node.name in program.corrections:
            bias = bias_of(graph, node)
            assert bias is not None
            bias.sub_(program.corrections[node.name])
    return graph


def corrected(program: Program, corrections: dict[str, Tensor]) -> Program:
    """``program`` with ``corrections`` added to its biases; its ``corrections`` remember them."""
    graph, total = copy.deepcopy(program.graph), dict(program.corrections)
    for node in graph.graph.nodes:
        if node.name in corrections:
            bias = bias_of(graph, node)
            assert bias is not None
            bias.add_(corrections[node.name])
            total[node.name] = total.get(node.name, 0) + corrections[node.name]
    return replace(program, graph=graph, corrections=total)
