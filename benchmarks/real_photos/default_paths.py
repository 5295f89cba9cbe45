"""The libraries' documented default int8 paths on the same weights, photos and runtimes.

    python -m benchmarks.real_photos.default_paths NETWORK --weights FILE --data DIR \
        --calibration DIR --output FILE.json

Each is scored like an artefact of ours: in its own runtime, against the float network.
NNCF and Neural Compressor are no dependencies of ours: their rows end with an ImportError unless
``pip install nncf neural-compressor-pt`` has been run in the environment.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.emulated.default_exports import (
    executorch_int8,
    litert_int8,
    onnx_best,
    onnx_fp32,
    onnx_int8,
    quiet,
)
from runtime_bench.accuracy import Evaluation, compare, evaluate
from runtime_bench.runtimes import RUNTIMES
from runtime_bench.runtimes.base import Session
from runtime_bench.runtimes.module_session import ModuleSession
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


def nncf_int8(
    module: nn.Module, example: Tensor, path: Path, calibration: Sequence[Tensor]
) -> None:
    """NNCF's post-training guide for ONNX: nncf.quantize with its defaults."""
    import nncf
    import onnx

    onnx_fp32(module, example, path)
    data = nncf.Dataset([batch.numpy() for batch in calibration], lambda batch: {"input": batch})
    onnx.save(nncf.quantize(onnx.load(path), data), path)


def neural_compressor_int8(
    module: nn.Module, example: Tensor, path: Path, calibration: Sequence[Tensor]
) -> None:
    """Neural Compressor's PT2E guide for static quantization, with its default configuration.

    What comes out is for torch.compile on x86; here it runs as it is, in float between the values
    that it rounds.
    """
    from neural_compressor.torch.export import export
    from neural_compressor.torch.quantization import convert, get_default_static_config, prepare

    batch = torch.cat([example, example])
    shapes = ({0: torch.export.Dim("batch", min=1, max=512)},)
    captured = export(module, (batch,), dynamic_shapes=shapes)
    prepared = prepare(captured, quant_config=get_default_static_config())
    for images in calibration:
        prepared(images)
    torch.export.save(torch.export.export(convert(prepared), (batch,), dynamic_shapes=shapes), path)


@dataclass(frozen=True)
class DefaultPath:
    """One documented way to int8; ``format`` is ours for the same runtime, or ``torch.export``."""

    name: str
    format: str
    suffix: str
    export: Callable[[nn.Module, Tensor, Path, Sequence[Tensor]], None]

    def load(self, path: Path, network: Network, threads: int) -> Session:
        """What runs the file at ``path``."""
        if self.format in RUNTIMES:
            return RUNTIMES[self.format].load(path, threads)
        return ModuleSession(torch.export.load(path).module(), network.input_spec, threads)


PATHS = (
    DefaultPath("PT2E + XNNPACKQuantizer, per channel", "executorch", ".pte", executorch_int8),
    DefaultPath("onnxruntime quantize_static, defaults", "onnx", ".onnx", onnx_int8),
    DefaultPath("onnxruntime U8S8 per channel", "onnx", ".onnx", onnx_best),
    DefaultPath("ai-edge-quantizer static", "litert", ".tflite", litert_int8),
    DefaultPath("FX QNNPACK, defaults", "torchscript", ".pt", torchscript_int8),
    DefaultPath("NNCF, defaults", "onnx", ".onnx", nncf_int8),
    DefaultPath("Neural Compressor, defaults", "torch.export", ".pt2", neural_compressor_int8),
)


@dataclass(frozen=True)
class Row:
    """One path's accuracy; shares in 0..1, KL in nats, SQNR of the logits in dB.

    A path that cannot take the network has its ``error`` instead.
    """

    path: str
    format: str
    images: int
    float_top1: float | None = None
    top1: float | None = None
    top1_difference: float | None = None
    mcnemar_p: float | None = None
    agreement: float | None = None
    kl: float | None = None
    sqnr_db: float | None = None
    error: str = ""


def calibration_photos(network: Network, folder: Path) -> list[Tensor]:
    """What every path is calibrated with, one photo (1, 3, H, W) after the other."""
    dataset, threads = open_dataset(str(folder), labelled=False), torch.get_num_threads()
    taken = batches(dataset, network.input_spec, 1, CALIBRATION_IMAGES, threads=threads)
    return [torch.from_numpy(images) for images, _, _ in taken]


def measure(network: Network, data: Path, calibration: Path) -> list[Row]:
    """Export, score and compare every path."""
    threads = torch.get_num_threads()
    photos = calibration_photos(network, calibration)

    def score(session: Session) -> Evaluation:
        found = open_dataset(
            str(data),
            labelled=True,
            num_classes=network.num_classes,
            network_labels=network.labels,
        )
        return evaluate(session, batches(found, network.input_spec, BATCH, None, threads=threads))

    expected = score(ModuleSession(network.module, network.input_spec, threads))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for entry in PATHS:
            target = Path(folder) / f"model{entry.suffix}"
            module = copy.deepcopy(network.module).eval()
            row = Row(entry.name, entry.format, len(expected.logits))
            try:
                with quiet():
                    entry.export(module, torch.zeros(network.input_spec.shape), target, photos)
            except Exception as error:  # whatever a library raises is its finding
                rows.append(replace(row, error=f"{type(error).__name__}: {error}"))
                print(rows[-1])
                continue
            scored = score(entry.load(target, network, threads))
            found = compare(scored, expected)
            rows.append(
                replace(
                    row,
                    float_top1=found.reference_top1,
                    top1=scored.top1,
                    top1_difference=found.top1_difference,
                    mcnemar_p=found.mcnemar_p,
                    agreement=found.agreement,
                    kl=found.kl,
                    sqnr_db=found.sqnr_db,
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
