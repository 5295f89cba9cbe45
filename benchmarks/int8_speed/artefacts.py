"""What ``run.py`` times: every export of one network, each made once.

Each library's documented default exports come from ``benchmarks.emulated.default_exports``; ours
from ``export``, quantized on noise. The ReLU twin is the same network with ReLU in place of every
hard-swish, squeeze-excite kept, through our export: the bound of what hard-swish may cost.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from benchmarks.emulated.default_exports import (
    EXPORTERS,
    Exporter,
    onnx_best,
    quiet,
)
from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from quantize.graph.capture import Captured, capture
from quantize.graph.passes.surgery import aten, calls
from quantize.program import Program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from zoo.files import atomic_file
from zoo.initialise import noise_images
from zoo.networks import InputOverrides, Network, load_network

NETWORKS = ("fbnetv3_b", "mobilenetv3_large_100", "fbnetc_100", "default")
SIZE = 224
"""Pixels of all networks but the embedded default, which has its own size."""
IMAGES = 16
"""Noise images that calibrate ours; latency does not depend on them."""

Way = Literal["default", "best", "ours", "twin", "default twin"]
Precision = Literal["fp32", "int8"]
RUNTIMES = {"executorch": "executorch", "onnxruntime": "onnx", "litert": "litert"}
"""Our format of each runtime."""


@dataclass(frozen=True)
class Export:
    """One file to time. ``way``: ``default`` is the library's documented default, ``best`` its best
    documented setting, ``ours`` this repository's, ``twin`` ours of the ReLU twin, ``default twin``
    the library's default of it (onnxruntime: the best documented setting)."""

    runtime: str
    way: Way
    precision: Precision
    variant: str = ""

    @property
    def name(self) -> str:
        """Such as ``executorch ours int8``."""
        parts = (self.runtime, self.way, self.precision, self.variant)
        return " ".join(part for part in parts if part)

    @property
    def ours(self) -> bool:
        """Whether our exporters write it."""
        return self.way in ("ours", "twin")


def command_line(module: str, arguments: Sequence[str]) -> str:
    """The command that made a result, without the folder of this machine it worked in."""
    kept = list(arguments)
    if "--work" in kept:
        del kept[kept.index("--work") : kept.index("--work") + 2]
    return " ".join([f"python -m benchmarks.int8_speed.{module}", *kept])


def exports() -> list[Export]:
    """All of one network."""
    found = []
    for runtime in RUNTIMES:
        found += [Export(runtime, "default", "fp32"), Export(runtime, "default", "int8")]
        if runtime == "onnxruntime":
            found.append(Export(runtime, "best", "int8"))
        found += [Export(runtime, "ours", "fp32"), Export(runtime, "ours", "int8")]
        found += [Export(runtime, "twin", "int8"), Export(runtime, "default twin", "int8")]
    return found


def phone_exports() -> list[Export]:
    """Those that are counted on emulated cores; onnxruntime's fast kernels of ARM are S8S8."""
    found = [Export(runtime, "default", "int8") for runtime in RUNTIMES]
    for runtime in RUNTIMES:
        variant = "s8s8" if runtime == "onnxruntime" else ""
        found += [Export(runtime, way, "int8", variant) for way in ("ours", "twin")]
    return found


def network_of(name: str) -> Network:
    """The network with settled random weights, or the embedded one with its own."""
    # What torch draws depends on the number of threads.
    torch.set_num_threads(1)
    overrides = None if name == "default" else InputOverrides(size=SIZE)
    return load_network(name, overrides=overrides)


def make(
    network: str, work: Path, wanted: Sequence[Export], again: bool = False
) -> dict[Export, Path]:
    """Write those ``wanted`` of ``network`` that ``work`` has not; all of them by path.

    With ``again``, those of our own exporters are made in any case.
    """
    paths = {}
    for entry in wanted:
        suffix = FORMAT_INFO[RUNTIMES[entry.runtime]].suffix
        path = work / network / f"{entry.name.replace(' ', '-')}{suffix}"
        paths[entry] = path
        if not path.exists() or (again and entry.ours):
            write = _ours if entry.ours else _library
            with atomic_file(path) as partial_path, quiet():
                write(network, entry, partial_path)
    return paths


@cache
def _network(name: str) -> Network:
    return network_of(name)


@cache
def _captured(name: str, twin: bool) -> Captured:
    network = _network(name)
    captured = capture(network.module, network.input_spec)
    if not twin:
        return captured
    graph = copy.deepcopy(captured.graph)
    for node in calls(graph, aten.hardswish.default):
        node.target = aten.relu.default
    graph.recompile()
    return Captured(graph, captured.dynamic_batch)


@cache
def _program(name: str, twin: bool) -> Program:
    network = _network(name)
    images = noise_images(IMAGES, network.input_spec, seed=1).numpy()
    captured = _captured(name, twin)
    return quantize_captured(captured, network, images, load_recipe("ptq-fast"))


def _ours(name: str, entry: Export, path: Path) -> None:
    twin, spec = entry.way == "twin", _network(name).input_spec
    if entry.precision == "fp32":
        source = ExportSource("fp32", spec, _captured(name, twin).graph)
    else:
        program = _program(name, twin)
        source = ExportSource("int8", spec, program.graph, program)
    exporter = FORMATS[RUNTIMES[entry.runtime]]
    exporter.export(source, path, entry.variant)


def _library(name: str, entry: Export, path: Path) -> None:
    network = _network(name)
    example = torch.zeros(network.input_spec.shape)
    twin = entry.way == "default twin"
    module = _captured(name, twin=True).graph if twin else network.module
    if entry.way == "best" or (twin and entry.runtime == "onnxruntime"):
        export: Exporter = onnx_best
    else:
        export, _ = EXPORTERS[entry.runtime, entry.precision]
    export(copy.deepcopy(module).eval(), example, path)
