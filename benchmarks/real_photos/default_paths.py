"""The libraries' documented default int8 paths on the same weights, photos and runtimes.

    python -m benchmarks.real_photos.default_paths NETWORK --weights FILE --data DIR \
        --calibration DIR --output FILE.json

Each is scored like an artefact of ours: in its own runtime, against the float network.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.emulated.default_exports import (
    executorch_int8,
    litert_int8,
    onnx_best,
    onnx_int8,
    quiet,
)
from runtime_bench.accuracy import Evaluation, compare, evaluate
from runtime_bench.float_network import FloatSession
from runtime_bench.runtimes import RUNTIMES
from zoo.datasets import batches, open_dataset
from zoo.networks import InputOverrides, Network, load_network

CALIBRATION_IMAGES = 128
BATCH = 32


def torchscript_int8(
    module: nn.Module, example: Tensor, path: Path, calibration: Sequence[Tensor]
) -> None:
    """PyTorch's FX guide with the default mapping of the QNNPACK backend, traced."""
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    torch.backends.quantized.engine = "qnnpack"
    prepared = prepare_fx(module, get_default_qconfig_mapping("qnnpack"), (example,))
    for batch in calibration:
        prepared(batch)
    torch.jit.trace(convert_fx(prepared), example).save(str(path))


@dataclass(frozen=True)
class DefaultPath:
    """One documented way to int8; ``format`` is ours for the same runtime."""

    name: str
    format: str
    suffix: str
    export: Callable[[nn.Module, Tensor, Path, Sequence[Tensor]], None]


PATHS = (
    DefaultPath("PT2E + XNNPACKQuantizer, per channel", "executorch", ".pte", executorch_int8),
    DefaultPath("onnxruntime quantize_static, defaults", "onnx", ".onnx", onnx_int8),
    DefaultPath("onnxruntime U8S8 per channel", "onnx", ".onnx", onnx_best),
    DefaultPath("ai-edge-quantizer static", "litert", ".tflite", litert_int8),
    DefaultPath("FX QNNPACK, defaults", "torchscript", ".pt", torchscript_int8),
)


@dataclass(frozen=True)
class Row:
    """One path's accuracy; shares in 0..1, KL in nats, SQNR of the logits in dB."""

    path: str
    format: str
    images: int
    float_top1: float | None
    top1: float | None
    top1_difference: float | None
    mcnemar_p: float | None
    agreement: float
    kl: float
    sqnr_db: float | None


def measure(network: Network, data: Path, calibration: Path) -> list[Row]:
    """Export, score and compare every path."""
    threads = torch.get_num_threads()
    taken = batches(
        open_dataset(str(calibration), labelled=False),
        network.input_spec,
        1,
        CALIBRATION_IMAGES,
        threads=threads,
    )
    photos = [torch.from_numpy(images) for images, _, _ in taken]

    def score(session: object) -> Evaluation:
        found = open_dataset(
            str(data),
            labelled=True,
            num_classes=network.num_classes,
            network_labels=network.labels,
        )
        return evaluate(session, batches(found, network.input_spec, BATCH, None, threads=threads))

    expected = score(FloatSession(network, threads))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for entry in PATHS:
            target = Path(folder) / f"model{entry.suffix}"
            module = copy.deepcopy(network.module).eval()
            with quiet():
                entry.export(module, torch.zeros(network.input_spec.shape), target, photos)
            scored = score(RUNTIMES[entry.format].load(target, threads))
            found = compare(scored, expected)
            rows.append(
                Row(
                    entry.name,
                    entry.format,
                    len(expected.logits),
                    found.reference_top1,
                    scored.top1,
                    found.top1_difference,
                    found.mcnemar_p,
                    found.agreement,
                    found.kl,
                    found.sqnr_db,
                )
            )
            print(rows[-1])
    return rows


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    for name in ("--weights", "--data", "--calibration", "--output"):
        parser.add_argument(name, required=True, type=Path)
    given = parser.parse_args()
    half = (0.5, 0.5, 0.5)
    overrides = InputOverrides(mean=half, std=half)
    network = load_network(given.network, str(given.weights), overrides=overrides)
    rows = measure(network, given.data, given.calibration)
    given.output.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
