"""Networks through quantization and the exporters, one by one: a JSON line each.

    python -m benchmarks.networks.one lcnet_050 --formats onnx,litert

Weights are random: what is measured is whether graphs are taken and computed right, not accuracy.
Batch norms' statistics are those of noise images, so that values have a trained network's sizes
(zoo/initialise.py); layer scales that start near zero are set to ``LAYER_SCALE``, or their blocks
would count for nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node

from benchmarks.networks.names import DEFAULT_SIZE, SIZES
from export.base import ExportSource
from export.format_info import FORMAT_INFO
from export.formats import FORMATS
from export.inspection import inspect
from quantize.graph.capture import capture
from quantize.graph.interpret import HookedInterpreter
from quantize.graph.passes.surgery import aten, is_call, is_constant, tensor_of
from quantize.judging import sqnr_db
from quantize.program import Program
from quantize.ptq import quantize_captured
from quantize.recipe import load_recipe
from runtime_bench.runtimes import RUNTIMES
from tasks.logits import logits_of
from zoo.initialise import noise_images, settle_batch_norms
from zoo.input_spec import InputSpec
from zoo.networks import Network, Weights

_LAYERS = (
    aten.conv2d.default,
    aten.conv1d.default,
    aten.linear.default,
    aten.conv_transpose2d.input,
)
CLASSES = 10
CALIBRATION, TRIED = 32, 8
LAYER_SCALE = 0.3
SMALLEST_LAYER_SCALE = 1e-2


def build(name: str, spec: InputSpec) -> nn.Module:
    """A randomly initialised network in evaluation mode, seeded."""
    library, _, model = name.rpartition(":")
    torch.manual_seed(0)
    if library == "torchvision":
        import torchvision

        # One that has auxiliary classifiers leaves them out in evaluation.
        extra = {"init_weights": True} if model == "googlenet" else {}
        module: nn.Module = torchvision.models.get_model(
            model, weights=None, num_classes=CLASSES, **extra
        )
    else:
        import timm

        options = {"img_size": spec.height} if _takes_size(model) else {}
        module = timm.create_model(model, pretrained=False, num_classes=CLASSES, **options)
    for parameter in module.parameters():
        flat = parameter.detach()
        if flat.squeeze().ndim == 1 and 0 < float(flat.abs().max()) < SMALLEST_LAYER_SCALE:
            nn.init.constant_(parameter, LAYER_SCALE)
    for norm in module.modules():
        # RepVGG's begin at random numbers near zero, and its values are chaotic with them.
        if isinstance(norm, nn.BatchNorm2d) and norm.affine:
            nn.init.ones_(norm.weight)
            nn.init.zeros_(norm.bias)
    settle_batch_norms(module.eval(), spec, seed=0)
    return module.eval()


def _takes_size(model: str) -> bool:
    return model.startswith(("levit", "visformer"))


def measure(name: str, formats: list[str]) -> dict[str, Any]:
    """The row of one network; a format that fails has its reason instead of figures."""
    size = SIZES.get(name, DEFAULT_SIZE)
    spec = InputSpec(size, size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 1.0)
    row: dict[str, Any] = {"network": name, "pixels": size}
    began = time.monotonic()
    try:
        module = build(name, spec)
        captured = capture(module, spec)
        images = noise_images(CALIBRATION, spec, seed=1)
        labels = tuple(str(index) for index in range(CLASSES))
        network = Network(name, module, spec, labels, CLASSES, "timm", Weights("random", seed=0))
        program = quantize_captured(captured, network, images.numpy(), load_recipe("ptq-fast"))
    except Exception as error:
        return row | {"reason": _reason(error)}
    tried = noise_images(TRIED, spec, seed=2)
    with torch.no_grad():
        exact = torch.cat([module(image[None]) for image in tried])
    int8 = torch.cat([program.module()(image[None]) for image in tried])
    row |= {
        "free_batch": captured.dynamic_batch,
        "program_db": round(typical_db(exact, int8), 1),
        "int8_share": round(_int8_share(program), 3),
        "quantize_seconds": round(time.monotonic() - began, 1),
        "formats": {},
    }
    source = ExportSource("int8", spec, captured.graph, program)
    for form in formats:
        row["formats"][form] = _artefact(form, source, int8, tried)
    return row


def typical_db(reference: Tensor, other: Tensor) -> float:
    """The median over the images of their logits' signal-to-quantization-noise ratio, dB."""
    each = [sqnr_db(a[None], b[None]) for a, b in zip(reference, other, strict=True)]
    return float(np.median(each))


def _int8_share(program: Program) -> float:
    """The multiply-adds of layers with int8 weights over those of all, ones whose weights depend on
    the image and transposed convolutions included."""
    sizes: dict[str, torch.Size] = {}
    macs: dict[str, int] = {}

    def see(node: Node, value: Tensor) -> Tensor:
        sizes[node.name] = value.shape
        if is_call(node, *_LAYERS):
            weight = node.args[1]
            assert isinstance(weight, Node)
            constant = is_constant(weight)
            shape = tensor_of(program.graph, weight).shape if constant else sizes[weight.name]
            made = node.args[0].name if is_call(node, aten.conv_transpose2d.input) else node.name
            macs[node.name] = sizes[made].numel() * shape[1:].numel()
        return value

    with torch.no_grad():
        HookedInterpreter(program.graph, see).run(torch.zeros(program.input_spec.shape))
    int8 = sum(count for name, count in macs.items() if name in program.weights)
    return int8 / max(1, sum(macs.values()))


def _artefact(form: str, source: ExportSource, int8: Tensor, images: Tensor) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"artefact{FORMAT_INFO[form].suffix}"
        try:
            FORMATS[form].export(source, path)
            share = inspect(path).int8_share
            logits = torch.from_numpy(logits_of(RUNTIMES[form].load(path, 1).run(images.numpy())))
        except Exception as error:
            return {"reason": _reason(error)}
    return {
        "artefact_db": round(typical_db(int8, logits), 1),
        "int8_share": None if share is None else round(share, 3),
    }


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:240]


def main() -> None:
    """Command line: see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--formats", default="", help="comma-separated; none: the program alone")
    given = parser.parse_args()
    formats = [form for form in given.formats.split(",") if form]
    torch.set_num_threads(1)
    for name in given.names:
        print(json.dumps(measure(name, formats)), flush=True)


if __name__ == "__main__":
    main()
